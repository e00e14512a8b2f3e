"""Ask the planner which side is wrong where examples contradict a tool."""

from __future__ import annotations

from prefect import task

import agenthands.arbitration as arbitration
from agenthands.arbitration import Arbitration, corrections
from agenthands.coding import write_specification
from agenthands.events import ToolProgress, emit
from agenthands.gate.workspace import tool_path
from agenthands.models import GateReport
from agenthands.workplace import ToolWork
from tasks import wiring
from tasks.caching import kept_here
from tasks.retrying import CALLS_MODELS


@task(task_run_name="arbitrate-{work.tool.name}", **CALLS_MODELS)
def let_planner_rule(work: ToolWork, report: GateReport, attempt: int) -> Arbitration:
    """Give the planner's rulings on the examples that `report` found contradicted.

    Where the planner's fallback gave them, it has a part in the tool.
    """
    settings = wiring.settings_for(work.build.request.options())
    emit(ToolProgress(work.build.build_id, work.tool.name, "checking", "the planner rules on its examples", attempt))
    source = (work.workspace / tool_path(work.tool.name)).read_text(encoding="utf-8")
    found = arbitration.contradictions(report)
    account = wiring.purse_for(work.build).account("tools", work.tool.name, attempt)
    ruled = arbitration.arbitrate(work.tool, source, found, attempt, wiring.planner_for(settings, account))
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
