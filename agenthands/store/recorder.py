"""Notes when the stages of a build and the attempts at its tools began, and how long they took."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Literal, NamedTuple

from agenthands.environments.base import Environment
from agenthands.events import Event, StageFinished, ToolProgress
from agenthands.llm.budget import BudgetTracker
from agenthands.llm.prompts import prompt_hashes
from agenthands.mcp.setup import ReadyServer
from agenthands.planning.objections import CaseFeedback, Objection, PlanResult
from agenthands.schemas import (
    Acceptance,
    BuildRecord,
    Lineage,
    McpServerPin,
    Plan,
    PlanRepair,
    Spending,
    StageTime,
    Status,
    Tokens,
    ToolOutcome,
    ToolSpec,
    ToolTurn,
    add_costs,
)
from agenthands.schemas.bounds import MOST_NAMES
from agenthands.schemas.plan_changes import changed_parts
from agenthands.store.workdirs import BuildContext

_DOING: dict[str, Literal["coding", "checking"]] = {
    "coding": "coding",
    "repairing": "coding",
    "checking": "checking",
}


class _Open(NamedTuple):
    attempt: int
    doing: Literal["coding", "checking"]
    at: float


class StageTimer:
    """Listens to the events of one build. What has not ended is not noted."""

    def __init__(self, build_id: str, began: float) -> None:
        """Count from `began`, in seconds since the epoch."""
        self._build_id, self._began = build_id, began
        self._open: dict[str, _Open] = {}
        self.stages: list[StageTime] = []
        self.turns: list[ToolTurn] = []

    def __call__(self, event: Event) -> None:
        """Listen."""
        if event.build_id != self._build_id:
            return
        if isinstance(event, StageFinished):
            started = self._since(event.at - event.seconds)
            self.stages.append(StageTime(name=event.stage, seconds=event.seconds, started=started))
        elif isinstance(event, ToolProgress):
            self._note(event)

    def _note(self, event: ToolProgress) -> None:
        doing = _DOING.get(event.state)
        before = self._open.get(event.tool)
        if before and (before.attempt, before.doing) == (event.attempt, doing):
            return
        if before:
            seconds = round(max(0.0, event.at - before.at), 3)
            started = self._since(before.at)
            self.turns.append(
                ToolTurn(tool=event.tool, attempt=before.attempt, doing=before.doing, started=started, seconds=seconds)
            )
            del self._open[event.tool]
        if doing:
            self._open[event.tool] = _Open(event.attempt, doing, event.at)

    def _since(self, at: float) -> float:
        return round(max(0.0, at - self._began), 3)


_VERSIONS = ("agenthands", "prefect", "openhands-sdk", "openhands-tools", "litellm")


class BuildRecorder:
    """Notes of one build; what is never noted stays empty in the record."""

    def __init__(
        self,
        build: BuildContext,
        models: Mapping[str, str],
        tracker: BudgetTracker,
        lineage: Lineage | None = None,
    ) -> None:
        """Count from when the build began. `models` names the model of each role, `tracker` knows what they cost."""
        self._lineage = lineage or Lineage()
        self._build, self._models, self._tracker = build, dict(models), tracker
        self._started = build.began
        self._times = StageTimer(build.build_id, self._started)
        self._versions = {name: version(name) for name in _VERSIONS}
        self.planned: PlanResult | None = None
        self.repairs: list[PlanRepair] = []
        self.environment: Environment | None = None
        self._made: dict[str, tuple[ToolSpec, str, ToolOutcome]] = {}
        self.servers: list[McpServerPin] = []
        self.tools: list[ToolOutcome] = []
        self.acceptance: Acceptance | None = None
        self.parent: BuildRecord | None = None

    def __call__(self, event: Event) -> None:
        """Listen: note when stages and the attempts at tools began, and how long they took."""
        self._times(event)

    def note_version(self, name: str, number: str) -> None:
        """Note the version of something that is not installed in this process' environment."""
        self._versions[name] = number

    def note_plan(self, planned: PlanResult, objection: Objection | None) -> None:
        """Note a plan; one that answers failed test cases, with what it changed and why."""
        if isinstance(objection, CaseFeedback):
            changed = changed_parts(objection.planned.plan, planned.plan)
            self.repairs.append(
                PlanRepair(failed=list(objection.stories), reason=planned.plan.changes, changed=changed[:MOST_NAMES])
            )
        self.planned = planned

    def plan_result(self) -> PlanResult:
        """Return the plan that was noted last."""
        assert self.planned
        return self.planned

    def note_tools(self, plan: Plan, environment: Environment, outcomes: Sequence[ToolOutcome]) -> None:
        """Note what became of the plan's tools in the environment for which they were made."""
        self.environment, self.tools = environment, list(outcomes)
        specs = {tool.name: tool for tool in plan.custom_tools}
        self._made |= {
            each.name: (specs[each.name], environment.lock_sha256, each)
            for each in outcomes
            if each.status == "accepted"
        }

    def kept_tools(self, plan: Plan, environment: Environment) -> dict[str, ToolOutcome]:
        """Return the outcomes, by name, of tools that were accepted before with the same specification."""
        return {
            tool.name: self._made[tool.name][2]
            for tool in plan.custom_tools
            if self._made.get(tool.name, ())[:2] == (tool, environment.lock_sha256)
        }

    def note_servers(self, servers: Sequence[ReadyServer]) -> None:
        """Note the MCP servers as they were installed and seen."""
        self.servers = [
            McpServerPin(
                id=server.planned.entry.id,
                version=server.planned.entry.version,
                package=server.planned.entry.package,
                lock_sha256=server.environment.lock_sha256,
                tools_sha256=server.tools_sha256,
                tools={tool.name: tool.description for tool in server.planned.entry.tools},
            )
            for server in servers
        ]

    def record(self, status: Status, reason: str = "", code: str = "") -> BuildRecord:
        """Return the record as of now, with the reason in words and its code; files are noted when published."""
        return BuildRecord(
            build_id=self._build.build_id,
            **self._lineage.model_dump(),
            request=self._build.request,
            plan=self.planned.plan if self.planned else None,
            repairs=self.repairs,
            status=status,
            reason=reason,
            reason_code=code,
            tools=self.tools,
            **spent(self._tracker.spending),
            acceptance=self.acceptance,
            seconds=round(time.time() - self._started, 3),
            started_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._started)),
            stages=self._times.stages,
            turns=self._times.turns,
            models=self._models,
            prompts=prompt_hashes(),
            versions=self._versions,
            environment_lock_sha256=self.environment.lock_sha256 if self.environment else None,
            mcp_servers=self.servers,
        )


def spent(spending: Sequence[Spending]) -> dict[str, Any]:
    """Return the fields of a record that tell what was spent: the entries and their sums."""
    cost, saved = add_costs(*(each.cost_usd for each in spending)), round(sum(each.saved_usd for each in spending), 8)
    return {
        "spending": list(spending),
        "cost_usd": cost,
        "uncached_usd": None if cost is None or not saved else max(0.0, round(cost + saved, 8)),
        "tokens": sum((each.tokens for each in spending), Tokens()),
    }
