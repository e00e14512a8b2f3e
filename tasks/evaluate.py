"""Run the packaged agent against the plan's test cases."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from prefect import task

import agenthands.evaluation.acceptance as acceptance
from agenthands.evaluation.acceptance import Reach
from agenthands.events import stage
from agenthands.llm.settings import ModelSettings
from agenthands.mcp.setup import ReadyServer
from agenthands.packaging.bundle import install_bundle
from agenthands.schemas import Acceptance, Plan
from agenthands.store.cache_keys import acceptance_key, key_with_fallback
from agenthands.store.workdirs import Build
from agenthands.tasks import dependencies
from agenthands.tasks.result_cache import keep_apart, kept, kept_apart, rejected, result_of
from agenthands.tasks.retries import CALLS_MODELS


@task(name="accept", task_run_name="accept", **CALLS_MODELS)
def ask_agent(build: Build, plan: Plan, servers: Sequence[ReadyServer], bundle: bytes) -> Acceptance:
    """Install the bundle, load the agent, and ask every test case. A rejected agent is a failed run.

    An acceptance in which a fallback had a part is kept apart, for builds with the same fallback.
    """
    settings = dependencies.settings_for(build.request.options())
    apart = key_with_fallback(*_key(build, plan, bundle))
    if found := kept_apart(apart, Acceptance, settings):
        return found.from_before()
    folder = build.folder / "accept"
    entries = [server.planned.entry for server in servers]
    agent = install_bundle(bundle, plan, entries, dependencies.environments_for(settings), folder)
    egress = dependencies.egress_for(settings).open(folder / "egress.sock") if settings.egress else nullcontext()
    account = dependencies.purse_for(build).account("accept")
    account.require()
    with dependencies.gateway_for(settings).open(folder / "model.sock", account) as gateway, egress as proxy:
        accepted = acceptance.accept_agent(
            agent,
            plan.test_cases,
            dependencies.sandbox_for(settings),
            Reach(gateway, proxy),
            dependencies.planner_for(settings, account),
            settings.case_seconds,
        )
    if not accepted.passed:  # an agent whose model did not answer, or was not called any more, is not judged
        if gateway.usage.fault:
            raise gateway.usage.fault
        account.require()
    cost, tokens = account.paid  # the gateway is closed: nothing more is paid
    accepted = accepted.model_copy(update={"build_id": build.build_id, "cost_usd": cost, "tokens": tokens})
    if not accepted.passed:
        return rejected(accepted, accepted.reason)
    return keep_apart(apart, accepted, settings) if accepted.by_fallback else accepted


def accept_agent(build: Build, plan: Plan, servers: Sequence[ReadyServer], bundle: bytes) -> Acceptance:
    """Give what the packaged agent answers; the same package with the same models is asked once."""
    settings = dependencies.settings_for(build.request.options())
    key, *_ = _key(build, plan, bundle)
    with stage(build.build_id, "accept") as note:
        state = kept(ask_agent, key, settings)(build, plan, servers, bundle, return_state=True)
        accepted, from_before = result_of(state)
        from_before = from_before or accepted.cached
        passed = sum(case.passed for case in accepted.cases)
        note.detail = f"{passed} of {len(plan.test_cases)} test cases passed{' before' if from_before else ''}"
    return accepted.from_before() if from_before else accepted


def _key(build: Build, plan: Plan, bundle: bytes) -> tuple[str, ModelSettings, ModelSettings]:
    """Give the key of the acceptance, and the models that it depends on."""
    settings = dependencies.settings_for(build.request.options())
    models = settings.model("agent"), settings.model("planner")
    return acceptance_key(bundle, plan, *models, settings.egress), *models
