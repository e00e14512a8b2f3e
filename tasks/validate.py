"""Let the gate judge one tool."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task

from agenthands.arbitration import corrections
from agenthands.events import ToolProgress, emit
from agenthands.gate.judge import judge
from agenthands.models import GateReport, Ruling
from agenthands.whole_files import write_whole
from agenthands.workplace import ToolWork
from tasks import wiring
from tasks.artifacts import show_gate_report
from tasks.caching import kept_here


@task(task_run_name="validate-{work.tool.name}-try{attempt}")
def let_gate_judge(work: ToolWork, attempt: int, rulings: Sequence[Ruling]) -> GateReport:
    """Give the gate's report; a rejected tool is a result."""
    settings = wiring.settings_for(work.build.request.options())
    emit(ToolProgress(work.build.build_id, work.tool.name, "checking", "the gate judges", attempt))
    sandbox = wiring.sandbox_for(settings)
    report = judge(work.tool, work.workspace, work.environment, sandbox, settings.gate_seconds, corrections(rulings))
    show_gate_report(report, attempt)
    return report


def validate_tool(work: ToolWork, attempt: int, rulings: Sequence[Ruling]) -> GateReport:
    """Give the gate's report, of now or of before its worker died. It is kept in the tool's folder.

    `rulings` on the specification's examples count, and are part of the report.
    """
    step = f"validate-{attempt}-{len(rulings)}"
    report = kept_here(let_gate_judge, step, work.steps)(work, attempt, rulings)
    return with_rulings(work, report, attempt, rulings)


def with_rulings(work: ToolWork, report: GateReport, attempt: int, rulings: Sequence[Ruling]) -> GateReport:
    """Give the report with the rulings that there were until now, as it is kept in the tool's folder."""
    report = report.model_copy(update={"rulings": list(rulings)})
    write_whole(work.report(attempt), report.model_dump_json(indent=1))
    return report
