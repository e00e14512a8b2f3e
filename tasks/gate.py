"""Runs the gate on a tool, and has the planner rule on examples that contradict the tool."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task

import agenthands.coding.arbitration as arbitration
from agenthands._util.atomic_files import write_atomic
from agenthands.coding.arbitration import Arbitration, corrections
from agenthands.coding.tool_coder import write_specification
from agenthands.events import ToolProgress, emit
from agenthands.gate.checks.files import tool_path
from agenthands.gate.gate import judge
from agenthands.schemas import GateReport, Ruling
from agenthands.store.workdirs import ToolWorkspace
from agenthands.tasks import dependencies
from agenthands.tasks.artifacts import show_gate_report
from agenthands.tasks.result_cache import cached_in_folder
from agenthands.tasks.retries import CALLS_MODELS


@task(task_run_name="validate-{work.tool.name}-try{attempt}")
def gate_task(work: ToolWorkspace, attempt: int, rulings: Sequence[Ruling]) -> GateReport:
    """Return the gate's report on one attempt; a rejected tool is a result."""
    settings = dependencies.settings_for(work.build.request.options())
    cost = dependencies.budget_for(work.build).cost_of(work.tool.name)
    emit(ToolProgress(work.build.build_id, work.tool.name, "checking", "the gate is checking it", attempt, cost))
    sandbox = dependencies.sandbox_for(settings)
    report = judge(work.tool, work.workspace, work.environment, sandbox, settings.gate_seconds, corrections(rulings))
    show_gate_report(report, attempt)
    return report


def judge_tool(work: ToolWorkspace, attempt: int, rulings: Sequence[Ruling]) -> GateReport:
    """Return the gate's report on one attempt, which is cached in the tool's folder in case the worker dies.

    The gate applies `rulings` on the specification's examples, and the report includes them.
    """
    step = f"validate-{attempt}-{len(rulings)}"
    report = cached_in_folder(gate_task, step, work.steps)(work, attempt, rulings)
    return with_rulings(work, report, attempt, rulings)


def with_rulings(work: ToolWorkspace, report: GateReport, attempt: int, rulings: Sequence[Ruling]) -> GateReport:
    """Return the report with all rulings so far, and write it to the tool's folder."""
    report = report.model_copy(update={"rulings": list(rulings)})
    write_atomic(work.report(attempt), report.model_dump_json(indent=1))
    return report


@task(task_run_name="arbitrate-{work.tool.name}", **CALLS_MODELS)
def arbitrate_task(work: ToolWorkspace, report: GateReport, attempt: int) -> Arbitration:
    """Return the planner's rulings on the examples that contradict the tool in `report`.

    If they came from the planner's fallback, the tool is marked as one in which a fallback has a part.
    """
    settings = dependencies.settings_for(work.build.request.options())
    cost, doing = dependencies.budget_for(work.build).cost_of(work.tool.name), "the planner rules on its examples"
    emit(ToolProgress(work.build.build_id, work.tool.name, "checking", doing, attempt, cost))
    source = (work.workspace / tool_path(work.tool.name)).read_text(encoding="utf-8")
    found = arbitration.contradictions(report)
    scope = dependencies.budget_for(work.build).scope("tools", work.tool.name, attempt)
    ruled = arbitration.arbitrate(work.tool, source, found, attempt, dependencies.planner_for(settings, scope))
    if ruled.by_fallback:
        work.stand_in.touch()
    return ruled


def arbitrate_examples(work: ToolWorkspace, report: GateReport, attempt: int) -> Arbitration:
    """Return the planner's rulings, which are cached in the tool's folder in case the worker dies.

    Examples that the coder sees are also corrected in its specification.
    """
    ruled = cached_in_folder(arbitrate_task, "arbitrate", work.steps)(work, report, attempt)
    write_specification(work, corrections(ruled.rulings))
    return ruled
