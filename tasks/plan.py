"""Plans the agent."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

from prefect import task
from prefect.cache_policies import NO_CACHE

import agenthands.planning.planner as planning
from agenthands._util.formatting import count
from agenthands.environments.base import Environment
from agenthands.environments.nat_registry import NatRegistry
from agenthands.errors import DependencyRefused, PlanRefused, RequestInvalid
from agenthands.events import stage
from agenthands.llm.prices import model_line
from agenthands.outside.probing import AllowedHost
from agenthands.packaging.load_check import load_fault
from agenthands.planning.effects_validation import recorded_in
from agenthands.planning.objections import (
    CaseFeedback,
    GivenPlan,
    Objection,
    PlanResult,
    ServerFeedback,
    Wish,
    wish_of,
)
from agenthands.planning.probes import look_first
from agenthands.planning.validation import PlanningContext
from agenthands.schemas import Plan
from agenthands.settings import Settings
from agenthands.store.cache_keys import Given, described_key, key_with_fallback, plan_key, repaired_key
from agenthands.store.workdirs import PLAN, BuildContext
from agenthands.tasks import dependencies
from agenthands.tasks.data import data_of, tell_data
from agenthands.tasks.openapi import apis_of, descriptions_of
from agenthands.tasks.result_cache import cached, invalidate, load_fallback_result, result_of, store_fallback_result
from agenthands.tasks.retries import CALLS_MODELS, RETRY_OUTSIDE


@task(name="plan", task_run_name="plan", **RETRY_OUTSIDE, **CALLS_MODELS)
def plan_task(
    build: BuildContext, registry: NatRegistry, base: Environment, objection: Objection | None, apart: str
) -> PlanResult:
    """Ask the planner. Raises PlanRefused, after writing the last answer to the build's folder.

    A plan in which a fallback had a part is cached under the key `apart`, for builds with the same fallback.
    """
    settings = dependencies.settings_for(build.request.options())
    if found := load_fallback_result(apart, PlanResult, settings):
        return found.from_before()
    dependencies.warm_up(settings)
    planner = dependencies.planner_for(settings, dependencies.budget_for(build).scope("plan"))
    allowed = [AllowedHost.parse(each) for each in settings.allow_host] if objection is None else []
    try:
        recorded = look_first(build.request.request, planner, allowed, os.environ)
        planned = planning.plan_agent(
            build.request.request,
            planner,
            replace(_reality(build, registry, objection), recorded=recorded),
            _trials(build, registry, base),
            objection,
        )
    except PlanRefused as error:
        (build.folder / "last-answer.txt").write_text(error.last_answer, encoding="utf-8")
        raise
    return store_fallback_result(apart, planned, settings) if planned.by_fallback else planned


def _reality(build: BuildContext, registry: NatRegistry, objection: Objection | None) -> PlanningContext:
    settings = dependencies.settings_for(build.request.options())
    return PlanningContext(
        registry,
        dependencies.catalogue_for(settings),
        objection.servers if isinstance(objection, ServerFeedback) else {},
        settings.dependencies,
        models=_models_told(settings),
        request=_asked_for(build, objection),
        data=data_of(build),
        apis=apis_of(build, registry),
    )


def _asked_for(build: BuildContext, objection: Objection | None) -> str:
    """Return all that the user has said of what the agent is for; grants quote it."""
    wish = wish_of(objection)
    return f"{build.request.request}\n{wish.change}" if wish and wish.change else build.request.request


def _trials(build: BuildContext, registry: NatRegistry, base: Environment) -> tuple[Callable[[Plan], str], ...]:
    """Return what is tried of a plan before it is taken: its packages, and whether NAT loads its agents."""
    settings = dependencies.settings_for(build.request.options())
    environments = dependencies.installer_for(settings)

    def unresolved(plan: Plan) -> str:
        try:
            environments.resolve(plan.dependencies())
        except DependencyRefused as error:
            return f"custom_tools: the dependencies {', '.join(plan.dependencies())} cannot be used: {error.message}"
        return ""

    def does_not_load(plan: Plan) -> str:
        fault = load_fault(plan, registry, base, dependencies.sandbox_for(settings), build.folder / "load-check")
        return f"NAT cannot load the agent that this plan describes: {fault}" if fault else ""

    return unresolved, does_not_load


@task(name="check-plan", task_run_name="check-plan", cache_policy=NO_CACHE)
def check_plan(build: BuildContext, registry: NatRegistry, base: Environment, given: GivenPlan) -> PlanResult:
    """Return a plan that its user gave, if it can be built here. Raises RequestInvalid with what is wrong with it."""
    plan = given.planned.plan
    dependencies.warm_up(dependencies.settings_for(build.request.options()))
    reality = _reality(build, registry, None)
    if complaints := planning.plan_complaints(plan, reality, _trials(build, registry, base)):
        more = f" (and {count(len(complaints) - 1, 'more fault')})" if len(complaints) > 1 else ""
        raise RequestInvalid(f"The plan cannot be built: {complaints[0]}{more}", "Correct the plan, and try again.")
    return given.planned


def forget_plan(build: BuildContext, registry: NatRegistry, objections: Sequence[Objection]) -> None:
    """Remove the cached plan, because its agent failed the test cases: the next build asks for another.

    Those that led to it by `objections` are removed too.
    """
    settings = dependencies.settings_for(build.request.options())
    begun_by_request = not objections or isinstance(objections[0], ServerFeedback | CaseFeedback)
    causes = (None, *objections) if begun_by_request else objections
    keys = {key for objection in causes for key in _keys(build, registry, objection) if key}
    for key in {*keys, *map(repaired_key, keys)}:
        invalidate(key, settings)


def keep_repaired(
    build: BuildContext, registry: NatRegistry, planned: PlanResult, origin: Wish | GivenPlan | None
) -> None:
    """Let later builds of the same request or wish begin with the plan whose agent passed.

    A plan that its user gave stays what it is.
    """
    if isinstance(origin, GivenPlan):
        return
    key, apart = _keys(build, registry, origin)
    settings = dependencies.settings_for(build.request.options())
    store_fallback_result(repaired_key(apart if planned.by_fallback else key), planned, settings)


def plan_agent(
    build: BuildContext, registry: NatRegistry, base: Environment, objection: Objection | None = None
) -> PlanResult:
    """Return a plan that can be built here; with an `objection` to a plan, another one. Raises PlanRefused.

    `base` is NAT's environment, in which the planned agent is loaded with placeholders for its tools.

    The plan is cached for the same request with the same models, prompts and catalogue.
    """
    with stage(build.build_id, "plan") as note:
        if objection is None:
            tell_data(build)
        if isinstance(objection, GivenPlan):
            planned = check_plan(build, registry, base, objection)
        else:
            planned = _asked(build, registry, base, objection)
        plan = planned.plan
        (build.folder / PLAN).write_text(plan.model_dump_json(indent=1), encoding="utf-8")
        note.detail = (
            f"{plan.name}: {count(len(plan.agents), 'agent')}, {count(len(plan.tools_to_write()), 'tool')} to write, "
            f"{count(len(plan.operations), 'API operation') + ', ' if plan.operations else ''}"
            f"{count(len(plan.mcp_servers), 'MCP server')}, {count(len(plan.test_cases), 'test case')}"
        )
        if recorded := len(list(recorded_in(plan))):
            note.detail += f", {count(recorded, 'answer')} of real hosts"
    return planned


def _asked(build: BuildContext, registry: NatRegistry, base: Environment, objection: Objection | None) -> PlanResult:
    """Return the planner's plan, or the one that it gave before."""
    settings = dependencies.settings_for(build.request.options())
    key, apart = _keys(build, registry, objection)
    begins = objection is None or isinstance(objection, Wish)
    if begins and (kept := _repaired(key, apart, settings)):
        return kept
    state = cached(plan_task, key, settings)(build, registry, base, objection, apart, return_state=True)
    planned, from_before = result_of(state)
    return planned.from_before() if from_before else planned


def _repaired(key: str, apart: str, settings: Settings) -> PlanResult | None:
    """Return the plan that an earlier build of the same request came to by repair; None if there is none."""
    for kept in filter(None, (key, apart)):
        if found := load_fallback_result(repaired_key(kept), PlanResult, settings):
            return found.from_before()
    return None


def _keys(build: BuildContext, registry: NatRegistry, objection: Objection | None) -> tuple[str, str]:
    """Return the key of the plan, and its key if a fallback has a part in it."""
    if isinstance(objection, GivenPlan):
        return "", ""
    settings = dependencies.settings_for(build.request.options())
    planner, catalogue = settings.model("planner"), dependencies.catalogue_for(settings)
    given = Given(settings.dependencies, data_of(build), settings.allow_host, _models_told(settings))
    key = plan_key(build.request.request, planner, registry, catalogue, objection, given)
    key = described_key(key, [source.sha256 for source in descriptions_of(build)])
    return key, key_with_fallback(key, planner)


def _models_told(settings: Settings) -> dict[str, str]:
    """Return what the planner is told of each model that an agent may have, by role; empty if there is the usual alone.

    The empty role is the usual one.
    """
    agent = settings.model("agent")
    models = {"": agent, **agent.roles} if agent.roles else {}
    return {role: model_line(model) for role, model in models.items()}
