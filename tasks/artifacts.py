"""What a person sees in Prefect's UI: plan, tools, progress, gate reports, costs, and what was stored."""

from __future__ import annotations

import base64
from contextlib import suppress

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.utilities.context import get_task_and_flow_run_ids

from agenthands.events import BatchProgress, Event, StageFinished, ToolProgress
from agenthands.markdown import cost_rows, gate_markdown, plan_markdown, result_markdown
from agenthands.masking import masked
from agenthands.models import BuildRecord, GateReport, Plan
from agenthands.plan_graph import plan_svg
from agenthands.publishing import build_prefix
from agenthands.wording import money, one_line
from agenthands.workplace import Build
from tasks import wiring
from tasks.live_artifacts import REFUSED, LiveArtifacts

_DONE_AFTER = {"environment": 10.0, "plan": 15.0, "servers": 20.0, "tools": 80.0, "assemble": 82.0, "accept": 98.0}
_ENDED = ("accepted", "rejected", "failed")


class BuildArtifacts(LiveArtifacts):
    """The artifacts of one build."""

    def __init__(self, build: Build) -> None:
        """Belong to the flow run of this context."""
        super().__init__()
        self._build = build
        self._tools: dict[str, ToolProgress] = {}

    def __call__(self, event: Event) -> None:
        """Listen: keep the table of tools and the progress as they are."""
        if event.build_id != self._build.build_id:
            return
        if isinstance(event, ToolProgress):
            self._tools[event.tool] = event
            ended = sum(each.state in _ENDED for each in self._tools.values())
            before, after = _DONE_AFTER["servers"], _DONE_AFTER["tools"]
            self._reached(before + (after - before) * ended / len(self._tools))
            self.show("tools", "table", [_tool_row(each) for each in self._tools.values()], "Each tool, as it is now")
        elif isinstance(event, StageFinished) and not event.error:
            self._reached(_DONE_AFTER.get(event.stage, 0.0))

    def show_plan(self, plan: Plan) -> None:
        """Show the plan as text and as a graph."""
        self.show("plan", "markdown", plan_markdown(plan), "What is going to be built")
        picture = base64.b64encode(masked(plan_svg(plan)).encode()).decode()
        self.show("plan-graph", "image", f"data:image/svg+xml;base64,{picture}", "The plan as a graph")

    def show_result(self, record: BuildRecord) -> None:
        """Show costs, how it ended, and what was stored."""
        settings = wiring.settings_for(self._build.request.options())
        self._reached(100.0)
        self.show("costs", "table", cost_rows(record), "US dollars and tokens")
        page = result_markdown(record, settings.web_url(build_prefix(record)))
        self.show("result", "markdown", page, "How it ended, and where everything is")

    def _reached(self, percent: float) -> None:
        self.progress(percent, "Of the whole build")


class BatchArtifacts(LiveArtifacts):
    """The artifacts of one batch."""

    def __init__(self) -> None:
        """Belong to the flow run of this context."""
        super().__init__()
        self._builds: dict[int, BatchProgress] = {}

    def __call__(self, event: Event) -> None:
        """Listen: keep the table of builds and the progress as they are."""
        if isinstance(event, BatchProgress):
            self._builds[event.number] = event
            self.progress(100 * len(self._builds) / event.count, "Of the whole batch")
            rows = [_build_row(self._builds[number]) for number in sorted(self._builds)]
            self.show("builds", "table", rows, "Each build that ended")


def show_gate_report(report: GateReport, attempt: int) -> None:
    """Show a gate report with the task run that made it."""
    task_run, flow_run = get_task_and_flow_run_ids()
    with suppress(*REFUSED), get_client(sync_client=True) as client:
        client.create_artifact(
            ArtifactCreate(
                key=f"agenthands-gate-{report.tool.replace('_', '-')}",
                type="markdown",
                data=masked(gate_markdown(report, attempt)),
                description=f"{report.tool}, attempt {attempt}",
                task_run_id=task_run,
                flow_run_id=flow_run,
            )
        )


def _tool_row(each: ToolProgress) -> dict[str, str | int]:
    return {
        "tool": one_line(each.tool, 80),
        "state": each.state,
        "attempt": each.attempt,
        "now": one_line(each.action, 200),
        "cost": money(each.cost_usd),
    }


def _build_row(each: BatchProgress) -> dict[str, str | int]:
    return {
        "build": each.number,
        "request": one_line(each.request, 200),
        "state": one_line(f"{each.status}, before" if each.cached else each.status, 80),
        "reason": one_line(each.reason, 300),
        "cost": money(each.cost_usd),
        "id": one_line(each.built, 80),
    }
