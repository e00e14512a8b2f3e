"""Runs the packaged agent against the plan's test cases."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from prefect import task

import agenthands.evaluation.acceptance as acceptance
from agenthands.evaluation.case_story import case_story
from agenthands.evaluation.installed_agent import Reach
from agenthands.events import CaseDecided, emit, stage
from agenthands.llm.settings import ModelSettings
from agenthands.mcp.setup import ReadyServer
from agenthands.packaging.bundle import install_bundle
from agenthands.schemas import Acceptance, Plan
from agenthands.store.cache_keys import acceptance_key, key_with_fallback
from agenthands.store.workdirs import BuildContext
from agenthands.tasks import dependencies
from agenthands.tasks.result_cache import (
    cached,
    load_fallback_result,
    result_of,
    store_fallback_result,
    uncached_rejection,
)
from agenthands.tasks.retries import CALLS_MODELS


@task(name="accept", task_run_name="accept", **CALLS_MODELS)
def evaluate_task(build: BuildContext, plan: Plan, servers: Sequence[ReadyServer], bundle: bytes) -> Acceptance:
    """Install the bundle, load the agent, and ask every test case. A rejected agent is a failed run.

    An acceptance in which a fallback had a part is cached under another key, for builds with the same fallback.
    """
    settings = dependencies.settings_for(build.request.options())
    apart = key_with_fallback(*_key(build, plan, bundle))
    if found := load_fallback_result(apart, Acceptance, settings):
        return found.from_before()
    folder = build.folder / "accept"
    entries = [server.planned.entry for server in servers]
    agent = install_bundle(bundle, plan, entries, dependencies.installer_for(settings), folder)
    wanted = settings.egress or agent.parts.online  # a proxy that lets nothing through knows what was asked for
    opened = dependencies.network_for(settings, agent.tools, folder) if wanted else nullcontext()
    scope = dependencies.budget_for(build).scope("accept")
    scope.require()
    with dependencies.gateway_for(settings).open(folder / "model.sock", scope) as gateway, opened as network:
        accepted = acceptance.accept_agent(
            agent,
            plan.test_cases,
            dependencies.sandbox_for(settings),
            Reach.through(gateway, network, closed=not settings.egress),
            dependencies.planner_for(settings, scope),
            settings.case_seconds,
        )
    if not accepted.passed:  # an agent is not judged if its model did not answer, or its budget was used up
        if gateway.usage.fault:
            raise gateway.usage.fault
        scope.require()
    cost, tokens = scope.paid  # the gateway is closed: there are no further charges
    accepted = accepted.model_copy(update={"build_id": build.build_id, "cost_usd": cost, "tokens": tokens})
    if not accepted.passed:
        return uncached_rejection(accepted, accepted.reason)
    return store_fallback_result(apart, accepted, settings) if accepted.by_fallback else accepted


def accept_agent(build: BuildContext, plan: Plan, servers: Sequence[ReadyServer], bundle: bytes) -> Acceptance:
    """Return the acceptance of the packaged agent; it is cached for the same package with the same models."""
    settings = dependencies.settings_for(build.request.options())
    key, *_ = _key(build, plan, bundle)
    with stage(build.build_id, "accept") as note:
        state = cached(evaluate_task, key, settings)(build, plan, servers, bundle, return_state=True)
        accepted, from_before = result_of(state)
        from_before = from_before or accepted.cached
        for case in accepted.cases:
            called = tuple(case.tools_called)
            emit(CaseDecided(build.build_id, case.id, case.outcome, 0.0 if from_before else case.seconds, called))
        note.detail = f"{acceptance.outcome_sentence(accepted, len(plan.test_cases))}{' before' if from_before else ''}"
    return accepted.from_before() if from_before else accepted


def failed_stories(build: BuildContext, accepted: Acceptance) -> dict[str, str]:
    """Return what happened in each failed test case of this build, by id, for the planner to read."""
    folder = build.folder / "accept" / "transcripts"
    return {case.id: case_story(case, folder / f"{case.id}.json") for case in accepted.ended("failed")}


def _key(build: BuildContext, plan: Plan, bundle: bytes) -> tuple[str, ModelSettings, ModelSettings]:
    """Return the key of the acceptance, and the models that it depends on."""
    settings = dependencies.settings_for(build.request.options())
    models = settings.model("agent"), settings.model("planner")
    return acceptance_key(bundle, plan, *models, settings.egress), *models
