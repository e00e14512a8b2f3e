"""Let the gate judge one tool."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from agenthands.arbitration import corrections
from agenthands.events import ToolProgress, emit
from agenthands.gate.judge import judge
from agenthands.models import CustomTool, GateReport, Ruling
from agenthands.ports import Environment
from agenthands.workplace import Build
from tasks import wiring


@task(cache_policy=NO_CACHE, task_run_name="validate-{tool.name}-try{attempt}")
def validate_tool(
    build: Build, tool: CustomTool, environment: Environment, attempt: int, rulings: Sequence[Ruling]
) -> GateReport:
    """Give the gate's report; a rejected tool is a result. The report is kept in the tool's folder.

    `rulings` on the specification's examples count, and are part of the report.
    """
    settings = wiring.settings_for(build.request.options())
    emit(ToolProgress(build.build_id, tool.name, "checking", "the gate judges", attempt))
    sandbox = wiring.sandbox_for(settings)
    workspace, right = build.workspace(tool.name), corrections(rulings)
    report = judge(tool, workspace, environment, sandbox, settings.gate_seconds, right)
    return with_rulings(build, report, attempt, rulings)


def with_rulings(build: Build, report: GateReport, attempt: int, rulings: Sequence[Ruling]) -> GateReport:
    """Give the report with the rulings that there were until now, as it is kept in the tool's folder."""
    report = report.model_copy(update={"rulings": list(rulings)})
    kept = build.tool_folder(report.tool) / f"gate-{attempt}.json"
    kept.write_text(report.model_dump_json(indent=1), encoding="utf-8")
    return report
