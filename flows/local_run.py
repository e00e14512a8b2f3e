"""Runs a flow in this process: for the command line, and for programs that import `agenthands`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

from agenthands._util.fast_import import fast_import
from agenthands.errors import UserError
from agenthands.events import Event, listening
from agenthands.flows.server.deployments import HEARTBEAT_SECONDS
from agenthands.schemas import BuildOptions, BuildRecord, BuildRequest, Plan

if TYPE_CHECKING:
    from agenthands.planning.cost_estimate import Estimate
    from agenthands.planning.objections import PlanResult

# Prefect reads these when it is imported; what the user has set stays.
_PREFECT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_ROOT_LEVEL": "CRITICAL",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),  # a user's server marks silent runs as crashed
    "DO_NOT_TRACK": "1",
}


def run_here[T](
    requests: Sequence[BuildRequest],
    load: Callable[[], Callable[[], T]],
    listener: Callable[[Event], None] | None = None,
    shown: AbstractContextManager[object] | None = None,
) -> T:
    """Run a flow, with Prefect's server for it where the user has none, and return what it returns.

    `load` imports the flow, while the server starts, and returns what runs it; `listener` is told what happens, and
    `shown` is open while the flow runs. What a user may have to fix in `requests` is found before Prefect is asked.
    Raises AgentHandsError.
    """
    from agenthands.store.workdirs import use_scratch
    from agenthands.tasks.dependencies import check_machine

    use_scratch()
    settings = check_machine(requests[0].request, requests[0].options())
    for name, value in _PREFECT.items():
        os.environ.setdefault(name, value)
    from agenthands.flows.server.embedded import prefect_server

    with prefect_server(settings.home, settings.server_seconds) as wait_for_server:
        _check_models(requests)
        with fast_import("prefect"):
            run = load()
        from agenthands.flows.server.compatibility import refusals_explained

        told = listening(listener) if listener else nullcontext()
        with shown or nullcontext(), told, wait_for_server(), refusals_explained():
            return run()


def build_flow(request: BuildRequest) -> Callable[[], BuildRecord]:
    """Import the flow that builds one agent, and return what runs it."""
    from agenthands.flows.build_agent import build_agent

    return partial(build_agent, request.request, request.options())


def given_plan_flow(request: BuildRequest, plan: Plan) -> Callable[[], BuildRecord]:
    """Import the flow that builds a given plan, and return what runs it."""
    from agenthands.flows.build_plan import build_plan

    return partial(build_plan, plan.model_dump(mode="json"), request.request, request.options())


def revise_flow(
    parent: BuildRecord, request: BuildRequest, change: str, feedback: bool, yes: bool
) -> Callable[[], BuildRecord]:
    """Import the flow that revises an agent, and return what runs it; `request` has the options of the revision."""
    from agenthands.flows.revise_agent import revise_agent

    return partial(revise_agent, parent.build_id, change, feedback, yes, request.options())


def plan_flow(request: BuildRequest) -> Callable[[], tuple[PlanResult, Estimate]]:
    """Import the flow that plans one agent, and return what runs it."""
    from agenthands.flows.plan_agent import plan_only

    return partial(plan_only, request.request, request.options())


def different_options(requests: Sequence[BuildRequest]) -> list[BuildOptions]:
    """Return the options of all requests, each once."""
    return list({request.model_dump_json(exclude={"request"}): request.options() for request in requests}.values())


def _check_models(requests: Sequence[BuildRequest]) -> None:
    """Raise what is wrong with the models where no request could be built; else each build says it for itself."""
    from agenthands.tasks.dependencies import check_models, settings_for

    errors = []
    for options in different_options(requests):
        try:
            check_models(settings_for(options))
        except UserError as error:
            errors.append(error)
        else:
            return
    raise errors[0]
