"""Ask the planner which side is wrong where examples contradict a tool."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

import agenthands.arbitration as arbitration
from agenthands.arbitration import Arbitration, corrections
from agenthands.coding import write_specification
from agenthands.events import ToolProgress, emit
from agenthands.gate.workspace import tool_path
from agenthands.models import CustomTool, GateReport
from agenthands.workplace import Build
from tasks import wiring
from tasks.retrying import RETRY_OUTSIDE


@task(cache_policy=NO_CACHE, task_run_name="arbitrate-{tool.name}", **RETRY_OUTSIDE)
def arbitrate_examples(build: Build, tool: CustomTool, report: GateReport, attempt: int) -> Arbitration:
    """Give the planner's rulings on the examples that `report` found contradicted.

    A corrected example that the coder can see is corrected in its specification as well.
    """
    settings = wiring.settings_for(build.request.options())
    emit(ToolProgress(build.build_id, tool.name, "checking", "the planner rules on its examples", attempt))
    source = (build.workspace(tool.name) / tool_path(tool.name)).read_text(encoding="utf-8")
    found = arbitration.contradictions(report)
    ruled = arbitration.arbitrate(tool, source, found, attempt, wiring.planner_for(settings))
    write_specification(build, tool, corrections(ruled.rulings))
    return ruled
