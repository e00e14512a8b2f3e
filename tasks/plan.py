"""Plan the agent."""

from __future__ import annotations

from prefect import task

import agenthands.planning.planner as planning
from agenthands._util.formatting import count
from agenthands.environments.nat_registry import NatRegistry
from agenthands.errors import DependencyRefused, PlanRefused
from agenthands.events import stage
from agenthands.planning.planner import Objection, Planned
from agenthands.planning.validation import Reality
from agenthands.schemas import Plan
from agenthands.store.cache_keys import key_with_fallback, plan_key
from agenthands.store.workdirs import PLAN, Build
from agenthands.tasks import dependencies
from agenthands.tasks.result_cache import forget, keep_apart, kept, kept_apart, result_of
from agenthands.tasks.retries import CALLS_MODELS, RETRY_OUTSIDE


@task(name="plan", task_run_name="plan", **RETRY_OUTSIDE, **CALLS_MODELS)
def ask_planner(build: Build, registry: NatRegistry, objection: Objection | None, apart: str) -> Planned:
    """Ask the planner. Raises PlanRefused; the last answer is kept in the build's folder.

    A plan in which a fallback had a part is kept under the key `apart`, for builds with the same fallback.
    """
    settings = dependencies.settings_for(build.request.options())
    environments = dependencies.environments_for(settings)
    if found := kept_apart(apart, Planned, settings):
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
            dependencies.planner_for(settings, dependencies.purse_for(build).account("plan")),
            Reality(
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
    return keep_apart(apart, planned, settings) if planned.by_fallback else planned


def forget_plan(build: Build, registry: NatRegistry, objection: Objection | None) -> None:
    """Let the next build of the request ask for another plan: with this one, the agent did not pass its test cases.

    Where it was the answer to an `objection`, so must the first one be, which leads to it.
    """
    settings = dependencies.settings_for(build.request.options())
    for key in {*_keys(build, registry, None), *_keys(build, registry, objection)}:
        if key:
            forget(key, settings)


def plan_agent(build: Build, registry: NatRegistry, objection: Objection | None = None) -> Planned:
    """Give a plan that can be built here, or another where there is an `objection` to one. Raises PlanRefused.

    The same request with the same models, prompts and catalogue has the same plan: it is asked for once.
    """
    settings = dependencies.settings_for(build.request.options())
    key, apart = _keys(build, registry, objection)
    with stage(build.build_id, "plan") as note:
        state = kept(ask_planner, key, settings)(build, registry, objection, apart, return_state=True)
        planned, from_before = result_of(state)
        planned = planned.from_before() if from_before else planned
        plan = planned.plan
        (build.folder / PLAN).write_text(plan.model_dump_json(indent=1), encoding="utf-8")
        note.detail = (
            f"{plan.name}: {plan.scaffold.type}, {count(len(plan.custom_tools), 'tool')} to write, "
            f"{count(len(plan.mcp_servers), 'MCP server')}, {count(len(plan.test_cases), 'test case')}"
        )
    return planned


def _keys(build: Build, registry: NatRegistry, objection: Objection | None) -> tuple[str, str]:
    """Give the key of the plan, and the one where a fallback had a part in it."""
    settings = dependencies.settings_for(build.request.options())
    planner, catalogue = settings.model("planner"), dependencies.catalogue_for(settings)
    key = plan_key(build.request.request, planner, registry, catalogue, objection, settings.dependencies)
    return key, key_with_fallback(key, planner)
