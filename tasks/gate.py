"""Let the gate judge one tool."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task

import agenthands.coding.arbitration as arbitration
from agenthands._util.atomic_files import write_whole
from agenthands.coding.arbitration import Arbitration, corrections
from agenthands.coding.tool_coder import write_specification
from agenthands.events import ToolProgress, emit
from agenthands.gate.checks.files import tool_path
from agenthands.gate.gate import judge
from agenthands.schemas import GateReport, Ruling
from agenthands.store.workdirs import ToolWork
from agenthands.tasks import dependencies
from agenthands.tasks.artifacts import show_gate_report
from agenthands.tasks.result_cache import kept_here
from agenthands.tasks.retries import CALLS_MODELS


@task(task_run_name="validate-{work.tool.name}-try{attempt}")
def let_gate_judge(work: ToolWork, attempt: int, rulings: Sequence[Ruling]) -> GateReport:
    """Give the gate's report; a rejected tool is a result."""
    settings = dependencies.settings_for(work.build.request.options())
    emit(ToolProgress(work.build.build_id, work.tool.name, "checking", "the gate judges", attempt))
    sandbox = dependencies.sandbox_for(settings)
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


@task(task_run_name="arbitrate-{work.tool.name}", **CALLS_MODELS)
def let_planner_rule(work: ToolWork, report: GateReport, attempt: int) -> Arbitration:
    """Give the planner's rulings on the examples that `report` found contradicted.

    Where the planner's fallback gave them, it has a part in the tool.
    """
    settings = dependencies.settings_for(work.build.request.options())
    emit(ToolProgress(work.build.build_id, work.tool.name, "checking", "the planner rules on its examples", attempt))
    source = (work.workspace / tool_path(work.tool.name)).read_text(encoding="utf-8")
    found = arbitration.contradictions(report)
    account = dependencies.purse_for(work.build).account("tools", work.tool.name, attempt)
    ruled = arbitration.arbitrate(work.tool, source, found, attempt, dependencies.planner_for(settings, account))
    if ruled.by_fallback:
        work.stand_in.touch()
    return ruled


def arbitrate_examples(work: ToolWork, report: GateReport, attempt: int) -> Arbitration:
    """Give the planner's rulings, of now or of before the worker died.

    A corrected example that the coder can see is corrected in its specification as well.
    """
    ruled = kept_here(let_planner_rule, "arbitrate", work.steps)(work, report, attempt)
    write_specification(work, corrections(ruled.rulings))
    return ruled
