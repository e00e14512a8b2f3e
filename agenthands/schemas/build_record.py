"""The results of a build: the outcome of each part, and the record of the whole build (`build.json`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from agenthands.schemas.bounds import (
    MOST_CASES,
    MOST_FILES,
    MOST_NAMES,
    MOST_NOTES,
    MOST_TOOLS,
    BuildId,
    FileName,
    Moment,
    Number,
    Saved,
    Seconds,
    Usd,
)
from agenthands.schemas.frozen import FrozenModel
from agenthands.schemas.gate_report import GateReport
from agenthands.schemas.lineage import Lineage
from agenthands.schemas.plan import Plan
from agenthands.schemas.request import BuildRequest

RECORD_FORMAT = "agenthands-build-1"
Status = Literal["accepted", "rejected", "failed", "cancelled"]


class Tokens(FrozenModel):
    """Numbers of tokens; of `prompt`, `cached` came from the provider's cache, and `written` went into it."""

    prompt: Number = 0
    completion: Number = 0
    cached: Number = 0
    written: Number = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens.model_construct(
            prompt=self.prompt + other.prompt,
            completion=self.completion + other.completion,
            cached=self.cached + other.cached,
            written=self.written + other.written,
        )

    def __sub__(self, other: Tokens) -> Tokens:
        return Tokens.model_construct(
            prompt=self.prompt - other.prompt,
            completion=self.completion - other.completion,
            cached=self.cached - other.cached,
            written=self.written - other.written,
        )


def add_costs(*costs: float | None) -> float | None:
    """Return the sum of costs in US dollars; None if any of them is None, that is unknown."""
    known = [cost for cost in costs if cost is not None]
    return round(sum(known), 8) if len(known) == len(costs) else None


class Spending(FrozenModel):
    """The cost of one model in one stage and, if there is one, for one tool and attempt.

    `cost_usd` is None if the model has no known price. The cost of a call that was cut off is unknown, so it counts
    only in `cut_off`.
    """

    stage: str
    tool: str = ""
    attempt: Number = 0
    model: str = ""
    calls: Number = Field(description="Those that were answered")
    cut_off: Number = Field(0, description="Further calls, ended before they were answered")
    cost_usd: Usd | None
    saved_usd: Saved = Field(0.0, description="By the provider's cache of prompts; negative where it cost more")
    tokens: Tokens

    def __add__(self, other: Spending) -> Spending:
        return self.model_copy(
            update={
                "calls": self.calls + other.calls,
                "cut_off": self.cut_off + other.cut_off,
                "cost_usd": add_costs(self.cost_usd, other.cost_usd),
                "saved_usd": round(self.saved_usd + other.saved_usd, 8),
                "tokens": self.tokens + other.tokens,
            }
        )


class CodingResult(FrozenModel):
    """The result of one turn of a coding agent. `finished` means that it stopped by itself, not that it is right."""

    status: Literal["finished", "stuck", "refused", "out_of_steps", "out_of_budget", "out_of_time", "error"]
    reason: str = ""
    reason_code: str = ""
    cost_usd: Usd | None
    tokens: Tokens
    seconds: Seconds
    steps: Number


class ToolOutcome(FrozenModel):
    """The outcome of one custom tool."""

    name: str
    status: Literal["accepted", "rejected", "failed"]
    attempts: int = Field(ge=0, le=100)  # the report page shows each
    cached: bool = Field(False, description="Made by an earlier build, at no cost to this one")
    build_id: BuildId | Literal[""] = Field("", description="The build that made it; its trajectory is kept there")
    gate: GateReport | None = None
    reason: str = ""
    reason_code: str = Field(
        "", description="The reason in the table of docs/reasons.md; empty in records of old builds"
    )
    cost_usd: Usd | None
    tokens: Tokens
    seconds: Seconds

    def from_before(self) -> ToolOutcome:
        """Return the outcome as a build counts it that found the tool cached: at no cost."""
        return self.model_copy(update={"cached": True, "cost_usd": 0.0, "tokens": Tokens(), "seconds": 0.0})


class ToolArtifact(FrozenModel):
    """A tool that the gate finally accepted or rejected, with its files by their paths in its workspace."""

    outcome: ToolOutcome
    files: dict[str, str]


class McpServerPin(FrozenModel):
    """An MCP server exactly as it was installed, with the hash of the tools that it listed."""

    id: str
    version: str
    package: str
    lock_sha256: str
    tools_sha256: str | None = Field(None, description="Hash of names, descriptions and schemas of all its tools")
    tools: dict[str, str] = Field(default_factory=dict, description="What each tool does, by the catalogue")


class CheckResult(FrozenModel):
    """One deterministic check of a test case."""

    kind: str
    value: object
    passed: bool


class Opinion(FrozenModel):
    """The opinion of a judge model on an answer; `passed` is None if it gave none."""

    passed: bool | None
    reason: str
    model: str


class CaseResult(FrozenModel):
    """The result of one test case of the packaged agent."""

    id: str
    passed: bool
    state: Literal["passed", "failed", "not_tried", ""] = Field(
        "", description="not_tried: all that it lacked was the network; empty in records of old builds"
    )
    answer: str
    checks: list[CheckResult]
    tools_called: list[str]
    agents_called: list[str] = Field(default_factory=list, description="Those of tools_called that are agents")
    hosts: list[str] = Field(
        default_factory=list, max_length=MOST_NAMES, description="The hosts that it asked for, and did not reach"
    )
    error: str = ""
    reason_code: str = Field(
        "", description="The reason in the table of docs/reasons.md; empty in records of old builds"
    )
    opinion: Opinion | None = None
    seconds: Seconds

    @property
    def outcome(self) -> Literal["passed", "failed", "not_tried"]:
        """How the case ended, in a record of any build."""
        return self.state or ("passed" if self.passed else "failed")


class Acceptance(FrozenModel):
    """The result of installing the packaged agent, loading it with NAT, and asking it the plan's test cases."""

    passed: bool
    reason: str = ""
    reason_code: str = Field(
        "", description="The reason in the table of docs/reasons.md; empty in records of old builds"
    )
    cached: bool = Field(False, description="Found by an earlier build of the same package, at no cost to this one")
    build_id: BuildId | Literal[""] = Field("", description="The build that asked; its transcripts are kept there")
    by_fallback: bool = Field(False, description="A fallback answered for the agent's model or the judge, once or more")
    cases: list[CaseResult] = Field(default_factory=list, max_length=MOST_CASES)
    cost_usd: Usd | None = None
    tokens: Tokens = Tokens()
    seconds: Seconds = 0.0
    unreached: list[str] = Field(
        default_factory=list, description="Tools that need the network and never answered: what they give is imagined"
    )

    def ended(self, outcome: Literal["passed", "failed", "not_tried"]) -> list[CaseResult]:
        """Return the cases that ended so."""
        return [case for case in self.cases if case.outcome == outcome]

    def from_before(self) -> Acceptance:
        """Return the acceptance as a build counts it that found it cached: at no cost."""
        return self.model_copy(update={"cached": True, "cost_usd": 0.0, "tokens": Tokens(), "seconds": 0.0})


class PlanRepair(FrozenModel):
    """A plan made anew because its agent failed test cases: which, what was changed, and the planner's reason."""

    failed: list[str] = Field(max_length=MOST_CASES)
    changed: list[str] = Field(max_length=MOST_NAMES)
    reason: str


class StageTime(FrozenModel):
    """When one stage began, in seconds after the build, and how many seconds it took."""

    name: str
    seconds: Seconds
    started: Seconds | None = Field(None, description="None in records of old builds")


class ToolTurn(FrozenModel):
    """One attempt at a tool, in the coder or in the gate; times as in StageTime."""

    tool: str
    attempt: Number
    doing: Literal["coding", "checking"]
    started: Seconds
    seconds: Seconds


class BuildRecord(Lineage):
    """Everything that one build did, its cost, and the hashes of its files."""

    format: str = RECORD_FORMAT
    build_id: BuildId
    request: BuildRequest
    plan: Plan | None
    repairs: list[PlanRepair] = Field(default_factory=list, max_length=MOST_NAMES)
    status: Status
    reason: str = ""
    reason_code: str = Field(
        "", description="The reason in the table of docs/reasons.md; empty in records of old builds"
    )
    tools: list[ToolOutcome] = Field(default_factory=list, max_length=MOST_TOOLS)
    spending: list[Spending] = Field(default_factory=list, max_length=MOST_NOTES)
    uncached_usd: Usd | None = Field(
        None,
        description="What it would have cost without the providers' caches of prompts; None where that is the same",
    )
    acceptance: Acceptance | None = None
    cost_usd: Usd | None
    tokens: Tokens
    seconds: Seconds
    started_at: Moment
    stages: list[StageTime] = Field(default_factory=list, max_length=MOST_NAMES)
    turns: list[ToolTurn] = Field(default_factory=list, max_length=MOST_NOTES)
    models: dict[str, str] = Field(max_length=MOST_NAMES)
    prompts: dict[str, str] = Field(max_length=MOST_NAMES)
    versions: dict[str, str] = Field(max_length=MOST_NAMES)
    environment_lock_sha256: str | None = None
    mcp_servers: list[McpServerPin] = Field(default_factory=list, max_length=MOST_TOOLS)
    files: dict[FileName, str] = Field(default_factory=dict, max_length=MOST_FILES)

    @model_validator(mode="after")
    def _tools_differ(self) -> BuildRecord:
        if len({tool.name for tool in self.tools}) < len(self.tools):
            raise ValueError("two tools have the same name")
        return self
