"""Plan the agent."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

import agenthands.planning as planning
from agenthands.errors import DependencyRefused, PlanRefused
from agenthands.events import stage
from agenthands.models import Plan
from agenthands.nat_registry import NatRegistry
from agenthands.plan_reality import Reality
from agenthands.planning import Objection, Planned
from agenthands.workplace import Build
from tasks import wiring
from tasks.retrying import RETRY_OUTSIDE


@task(cache_policy=NO_CACHE, **RETRY_OUTSIDE)
def plan_agent(build: Build, registry: NatRegistry, objection: Objection | None = None) -> Planned:
    """Give a plan that can be built here, or another where there is an `objection` to one.

    Raises PlanRefused; the last answer is kept in the build's folder.
    """
    settings = wiring.settings_for(build.request.options())
    environments = wiring.environments_for(settings)

    def unresolved(plan: Plan) -> str:
        try:
            environments.resolve(plan.dependencies())
        except DependencyRefused as error:
            return f"custom_tools: the dependencies {', '.join(plan.dependencies())} cannot be used: {error.message}"
        return ""

    with stage(build.build_id, "plan") as note:
        try:
            planned = planning.plan_agent(
                build.request.request,
                wiring.planner_for(settings),
                Reality(registry, wiring.catalogue_for(settings), objection.servers if objection else {}),
                unresolved,
                objection,
            )
        except PlanRefused as error:
            (build.folder / "last-answer.txt").write_text(error.last_answer, encoding="utf-8")
            raise
        plan = planned.plan
        (build.folder / "plan.json").write_text(plan.model_dump_json(indent=1), encoding="utf-8")
        note.detail = (
            f"{plan.name}: {plan.scaffold.type}, {len(plan.custom_tools)} tools to write, "
            f"{len(plan.mcp_servers)} MCP servers, {len(plan.test_cases)} test cases"
        )
    return planned
