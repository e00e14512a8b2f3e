"""Builds a plan that its user wrote or edited."""

from typing import Annotated, Any, cast

from prefect import flow
from pydantic import Field, ValidationError

from agenthands.error_mapping import as_agenthands_error
from agenthands.errors import RequestInvalid
from agenthands.flows.build_agent import DEFAULTS, Request, finished
from agenthands.planning.objections import Beginning, GivenPlan, PlanResult
from agenthands.schemas import BuildOptions, BuildRecord, Plan
from agenthands.tasks.run_states import failed_state

# No `from __future__ import annotations` in this folder: Prefect must resolve a flow's annotations by itself.


@flow(name="build-plan")
def build_plan(
    plan: Annotated[dict[str, Any], Field(description="A plan, as `agenthands plan --json` prints it")],
    request: Request,
    options: BuildOptions = DEFAULTS,
) -> BuildRecord:
    """Build the agent of a plan, after checking that it can be built; returns the published record.

    What earlier builds made for the same specifications is used again. Ends as `build_agent` does.

    Args:
        plan: The plan.
        request: What the agent should be able to do: what its user asked for.
        options: How to build it; what is empty comes from the worker's settings.
    """
    try:
        given = Plan.model_validate(plan)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "plan"
        fault = RequestInvalid(f"This is no plan: {where}: {first['msg']}.")
        return cast("BuildRecord", failed_state(as_agenthands_error(fault)))
    return finished(request, options, Beginning(GivenPlan(PlanResult.given(given))))
