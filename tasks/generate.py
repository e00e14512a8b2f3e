"""Let a coding agent write or repair one tool."""

from __future__ import annotations

from prefect import task

import agenthands.coding as coding
from agenthands.coding import Rejection
from agenthands.events import ToolProgress, ToolState, emit
from agenthands.models import CodingResult
from agenthands.workplace import ToolWork
from tasks import wiring
from tasks.caching import kept_here
from tasks.retrying import CALLS_MODELS


@task(task_run_name="generate-{work.tool.name}-try{attempt}", **CALLS_MODELS)
def let_coder_work(work: ToolWork, attempt: int, rejection: Rejection | None) -> CodingResult:
    """Give what one turn of the coding agent did."""
    state: ToolState = "coding" if attempt == 1 else "repairing"
    emit(ToolProgress(work.build.build_id, work.tool.name, state, "asks the model", attempt))
    settings = wiring.settings_for(work.build.request.options())
    account = wiring.purse_for(work.build).account("tools", work.tool.name, attempt)
    return coding.generate_tool(
        work,
        attempt,
        rejection,
        wiring.coder_for(settings),
        wiring.sandbox_for(settings),
        wiring.coding_limits(settings, account),
    )


def generate_tool(work: ToolWork, attempt: int, rejection: Rejection | None) -> CodingResult:
    """Give what one turn of the coding agent did, now or before its worker died."""
    return kept_here(let_coder_work, f"generate-{attempt}", work.steps)(work, attempt, rejection)


def out_of_budget(work: ToolWork) -> str:
    """Say which budget of the tool or of its build is used up, as a part of a sentence; empty where money is left."""
    budget = wiring.purse_for(work.build).account("tools", work.tool.name).reached()
    return budget[:1].lower() + budget[1:]
