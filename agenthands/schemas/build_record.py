"""What a build leaves: the outcome of each part, and the record of the whole (`build.json`)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from agenthands.schemas.gate_report import GateReport
from agenthands.schemas.plan import Plan
from agenthands.schemas.request import BuildRequest

RECORD_FORMAT = "agenthands-build-1"
Status = Literal["accepted", "rejected", "failed", "cancelled"]


class FrozenModel(BaseModel):
    """Base of the outcomes: frozen; an unknown key is an error, and so is a number that is none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Tokens(FrozenModel):
    """Tokens of a model, by kind."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            prompt=self.prompt + other.prompt,
            completion=self.completion + other.completion,
            cached=self.cached + other.cached,
        )

    def __sub__(self, other: Tokens) -> Tokens:
        return Tokens(
            prompt=self.prompt - other.prompt,
            completion=self.completion - other.completion,
            cached=self.cached - other.cached,
        )


def add_costs(*costs: float | None) -> float | None:
    """Add US dollars; one unknown price makes the sum unknown."""
    known = [cost for cost in costs if cost is not None]
    return round(sum(known), 8) if len(known) == len(costs) else None


class Spending(FrozenModel):
    """What one model cost in one stage, for one tool and attempt of it where there is one.

    `cost_usd` is None where the model has no known price. What a call cost that was cut off nobody knows: it is in
    `cut_off` alone.
    """

    stage: str
    tool: str = ""
    attempt: int = 0
    model: str = ""
    calls: int = Field(description="Those that were answered")
    cut_off: int = Field(0, description="Further calls, ended before they were answered")
    cost_usd: float | None
    tokens: Tokens

    def __add__(self, other: Spending) -> Spending:
        return self.model_copy(
            update={
                "calls": self.calls + other.calls,
                "cut_off": self.cut_off + other.cut_off,
                "cost_usd": add_costs(self.cost_usd, other.cost_usd),
                "tokens": self.tokens + other.tokens,
            }
        )


class CodingResult(FrozenModel):
    """What one turn of a coding agent did. `finished` says that the agent stopped by itself, not that it is right."""

    status: Literal["finished", "stuck", "refused", "out_of_steps", "out_of_budget", "out_of_time", "error"]
    reason: str = ""
    reason_code: str = ""
    cost_usd: float | None
    tokens: Tokens
    seconds: float
    steps: int


class ToolOutcome(FrozenModel):
    """What became of one custom tool."""

    name: str
    status: Literal["accepted", "rejected", "failed"]
    attempts: int = Field(ge=0, le=1000)  # a page shows each
    cached: bool = Field(False, description="Made by an earlier build, at no cost to this one")
    build_id: str = Field("", description="The build that made it; its trajectory is kept there")
    gate: GateReport | None = None
    reason: str = ""
    reason_code: str = Field(
        "", description="The reason in the table of docs/reasons.md; empty in records of old builds"
    )
    cost_usd: float | None
    tokens: Tokens
    seconds: float

    def from_before(self) -> ToolOutcome:
        """Return the outcome as it counts for a build that found the tool made."""
        return self.model_copy(update={"cached": True, "cost_usd": 0.0, "tokens": Tokens(), "seconds": 0.0})


class ToolArtifact(FrozenModel):
    """A tool that the gate accepted or rejected in the end, with its files by their place in its workspace."""

    outcome: ToolOutcome
    files: dict[str, str]


class McpServerPin(FrozenModel):
    """An MCP server exactly as it was installed and seen."""

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
    """What a judge model says about an answer; `passed` is None where it could not say."""

    passed: bool | None
    reason: str
    model: str


class CaseResult(FrozenModel):
    """A test case as the packaged agent handled it."""

    id: str
    passed: bool
    answer: str
    checks: list[CheckResult]
    tools_called: list[str]
    error: str = ""
    reason_code: str = Field(
        "", description="The reason in the table of docs/reasons.md; empty in records of old builds"
    )
    opinion: Opinion | None = None
    seconds: float


class Acceptance(FrozenModel):
    """The packaged agent, installed, loaded by NAT and asked the plan's test cases."""

    passed: bool
    reason: str = ""
    reason_code: str = Field(
        "", description="The reason in the table of docs/reasons.md; empty in records of old builds"
    )
    cached: bool = Field(False, description="Found by an earlier build of the same package, at no cost to this one")
    build_id: str = Field("", description="The build that asked; its transcripts are kept there")
    by_fallback: bool = Field(False, description="A fallback answered for the agent's model or the judge, once or more")
    cases: list[CaseResult] = Field(default_factory=list)
    cost_usd: float | None = None
    tokens: Tokens = Tokens()
    seconds: float = 0.0

    def from_before(self) -> Acceptance:
        """Return the acceptance as it counts for a build that found it: nobody was asked."""
        return self.model_copy(update={"cached": True, "cost_usd": 0.0, "tokens": Tokens(), "seconds": 0.0})


class StageTime(FrozenModel):
    """When one stage began, in seconds after the build did, and how long it took."""

    name: str
    seconds: float
    started: float | None = Field(None, description="None in records of old builds")


class ToolTurn(FrozenModel):
    """One attempt at a tool in the hands of the coder or of the gate; times as those of a stage."""

    tool: str
    attempt: int
    doing: Literal["coding", "checking"]
    started: float
    seconds: float


class BuildRecord(FrozenModel):
    """Everything that one build did, cost and left."""

    format: str = RECORD_FORMAT
    build_id: str
    request: BuildRequest
    plan: Plan | None
    status: Status
    reason: str = ""
    reason_code: str = Field(
        "", description="The reason in the table of docs/reasons.md; empty in records of old builds"
    )
    tools: list[ToolOutcome] = Field(default_factory=list)
    spending: list[Spending] = Field(default_factory=list)
    acceptance: Acceptance | None = None
    cost_usd: float | None
    tokens: Tokens
    seconds: float
    started_at: str
    stages: list[StageTime] = Field(default_factory=list)
    turns: list[ToolTurn] = Field(default_factory=list)
    models: dict[str, str]
    prompts: dict[str, str]
    versions: dict[str, str]
    environment_lock_sha256: str | None = None
    mcp_servers: list[McpServerPin] = Field(default_factory=list)
    files: dict[str, str] = Field(default_factory=dict)
