"""Plans the agent."""

from __future__ import annotations

from prefect import task

import agenthands.planning.planner as planning
from agenthands._util.formatting import count
from agenthands.environments.nat_registry import NatRegistry
from agenthands.errors import DependencyRefused, PlanRefused
from agenthands.events import stage
from agenthands.planning.planner import PlanResult, ServerFeedback
from agenthands.planning.validation import PlanningContext
from agenthands.schemas import Plan
from agenthands.store.cache_keys import key_with_fallback, plan_key
from agenthands.store.workdirs import PLAN, BuildContext
from agenthands.tasks import dependencies
from agenthands.tasks.result_cache import cached, invalidate, load_fallback_result, result_of, store_fallback_result
from agenthands.tasks.retries import CALLS_MODELS, RETRY_OUTSIDE


@task(name="plan", task_run_name="plan", **RETRY_OUTSIDE, **CALLS_MODELS)
def plan_task(build: BuildContext, registry: NatRegistry, objection: ServerFeedback | None, apart: str) -> PlanResult:
    """Ask the planner. Raises PlanRefused, after writing the last answer to the build's folder.

    A plan in which a fallback had a part is cached under the key `apart`, for builds with the same fallback.
    """
    settings = dependencies.settings_for(build.request.options())
    environments = dependencies.installer_for(settings)
    if found := load_fallback_result(apart, PlanResult, settings):
        return found.from_before()

    def unresolved(plan: Plan) -> str:
        try:
            environments.resolve(plan.dependencies())
        except DependencyRefused as error:
            return f"custom_tools: the dependencies {', '.join(plan.dependencies())} cannot be used: {error.message}"
        return ""

    dependencies.warm_up(settings)
    try:
        planned = planning.plan_agent(
            build.request.request,
            dependencies.planner_for(settings, dependencies.budget_for(build).scope("plan")),
            PlanningContext(
                registry,
                dependencies.catalogue_for(settings),
                objection.servers if objection else {},
                settings.dependencies,
            ),
            unresolved,
            objection,
        )
    except PlanRefused as error:
        (build.folder / "last-answer.txt").write_text(error.last_answer, encoding="utf-8")
        raise
    return store_fallback_result(apart, planned, settings) if planned.by_fallback else planned


def forget_plan(build: BuildContext, registry: NatRegistry, objection: ServerFeedback | None) -> None:
    """Remove the cached plan, because its agent failed the test cases: the next build asks for another.

    If it was the answer to an `objection`, the first plan is removed too, because it leads to this one.
    """
    settings = dependencies.settings_for(build.request.options())
    for key in {*_keys(build, registry, None), *_keys(build, registry, objection)}:
        if key:
            invalidate(key, settings)


def plan_agent(build: BuildContext, registry: NatRegistry, objection: ServerFeedback | None = None) -> PlanResult:
    """Return a plan that can be built here; with an `objection` to a plan, another one. Raises PlanRefused.

    The plan is cached for the same request with the same models, prompts and catalogue.
    """
    settings = dependencies.settings_for(build.request.options())
    key, apart = _keys(build, registry, objection)
    with stage(build.build_id, "plan") as note:
        state = cached(plan_task, key, settings)(build, registry, objection, apart, return_state=True)
        planned, from_before = result_of(state)
        planned = planned.from_before() if from_before else planned
        plan = planned.plan
        (build.folder / PLAN).write_text(plan.model_dump_json(indent=1), encoding="utf-8")
        note.detail = (
            f"{plan.name}: {count(len(plan.agents), 'agent')}, {count(len(plan.custom_tools), 'tool')} to write, "
            f"{count(len(plan.mcp_servers), 'MCP server')}, {count(len(plan.test_cases), 'test case')}"
        )
    return planned


def _keys(build: BuildContext, registry: NatRegistry, objection: ServerFeedback | None) -> tuple[str, str]:
    """Return the key of the plan, and its key if a fallback has a part in it."""
    settings = dependencies.settings_for(build.request.options())
    planner, catalogue = settings.model("planner"), dependencies.catalogue_for(settings)
    key = plan_key(build.request.request, planner, registry, catalogue, objection, settings.dependencies)
    return key, key_with_fallback(key, planner)
