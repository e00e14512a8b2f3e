"""Let a coding agent write or repair one tool."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

import agenthands.coding as coding
from agenthands.coding import Rejection
from agenthands.models import CodingResult, CustomTool
from agenthands.ports import Environment
from agenthands.workplace import Build
from tasks import wiring
from tasks.retrying import RETRY_OUTSIDE


@task(cache_policy=NO_CACHE, task_run_name="generate-{tool.name}-try{attempt}", **RETRY_OUTSIDE)
def generate_tool(
    build: Build,
    tool: CustomTool,
    environment: Environment,
    attempt: int,
    rejection: Rejection | None,
    tools: int,
) -> CodingResult:
    """Give what one turn of the coding agent did; `tools` share the budget."""
    settings = wiring.settings_for(build.request.options())
    parts = (wiring.coder_for(settings), wiring.sandbox_for(settings), environment)
    return coding.generate_tool(build, tool, attempt, rejection, parts, wiring.coding_limits(settings, tools))
