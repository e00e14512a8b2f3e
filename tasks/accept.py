"""Run the packaged agent against the plan's test cases."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from prefect import task

import agenthands.acceptance as acceptance
from agenthands.acceptance import Reach
from agenthands.cache_keys import acceptance_key
from agenthands.events import stage
from agenthands.installing import install_bundle
from agenthands.models import Acceptance, Plan
from agenthands.server_preparation import ReadyServer
from agenthands.workplace import Build
from tasks import wiring
from tasks.caching import kept, rejected, result_of
from tasks.retrying import CALLS_MODELS


@task(name="accept", task_run_name="accept", **CALLS_MODELS)
def ask_agent(build: Build, plan: Plan, servers: Sequence[ReadyServer], bundle: bytes) -> Acceptance:
    """Install the bundle, load the agent, and ask every test case. A rejected agent is a failed run."""
    settings = wiring.settings_for(build.request.options())
    folder = build.folder / "accept"
    entries = [server.planned.entry for server in servers]
    agent = install_bundle(bundle, plan, entries, wiring.environments_for(settings), folder)
    egress = wiring.egress_for(settings).open(folder / "egress.sock") if settings.egress else nullcontext()
    account = wiring.purse_for(build).account("accept")
    account.require()
    with wiring.gateway_for(settings).open(folder / "model.sock", account) as gateway, egress as proxy:
        accepted = acceptance.accept_agent(
            agent,
            plan.test_cases,
            wiring.sandbox_for(settings),
            Reach(gateway, proxy),
            wiring.planner_for(settings, account),
            settings.case_seconds,
        )
    if not accepted.passed:
        account.require()  # an agent whose model was not called any more is not judged
        if gateway.usage.fault:
            raise gateway.usage.fault
    accepted = accepted.model_copy(update={"build_id": build.build_id})
    return accepted if accepted.passed else rejected(accepted, accepted.reason)


def accept_agent(build: Build, plan: Plan, servers: Sequence[ReadyServer], bundle: bytes) -> Acceptance:
    """Give what the packaged agent answers; the same package with the same models is asked once."""
    settings = wiring.settings_for(build.request.options())
    models = settings.model("agent"), settings.model("planner")
    key = acceptance_key(bundle, plan, *models, settings.egress)
    with stage(build.build_id, "accept") as note:
        state = kept(ask_agent, key, settings)(build, plan, servers, bundle, return_state=True)
        accepted, from_before = result_of(state)
        passed = sum(case.passed for case in accepted.cases)
        note.detail = f"{passed} of {len(plan.test_cases)} test cases passed{' before' if from_before else ''}"
    return accepted.from_before() if from_before else accepted
