"""The flow that plans an agent without building it."""

import shutil
import time

from prefect import flow

from agenthands.events import BuildFinished, emit
from agenthands.planning.cost_estimate import Estimate
from agenthands.planning.objections import PlanResult
from agenthands.schemas import BuildOptions
from agenthands.store.workdirs import release
from agenthands.tasks.environment import prepare_environment, read_nat_registry
from agenthands.tasks.estimate import estimate_with
from agenthands.tasks.lifecycle import note_start, start_build
from agenthands.tasks.plan import plan_agent


@flow(name="plan-agent")
def plan_only(request: str, options: BuildOptions) -> tuple[PlanResult, Estimate]:
    """Plan the agent that `request` describes, and estimate what building it costs. Nothing is kept."""
    build = start_build(request, options)
    note_start(build)
    try:
        base = prepare_environment(build)
        planned = plan_agent(build, read_nat_registry(build, base), base)
        emit(
            BuildFinished(
                build.build_id,
                "planned",
                planned.plan.name,
                cost_usd=planned.cost_usd,
                seconds=round(time.time() - build.began, 3),
            )
        )
    finally:
        shutil.rmtree(build.folder, ignore_errors=True)
        release(build.folder)
    return planned, estimate_with(options, planned.plan)
