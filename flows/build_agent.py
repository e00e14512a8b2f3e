"""The story: one sentence in, a published NAT agent out."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, cast

from prefect import flow, runtime
from prefect.futures import PrefectFuture
from prefect.states import Completed
from pydantic import Field

from agenthands._util.formatting import cut, one_line
from agenthands.environments.base import Environment
from agenthands.environments.nat_registry import NatRegistry
from agenthands.error_mapping import as_agenthands_error
from agenthands.errors import AgentHandsError, BuildCancelled, PlanRefused
from agenthands.events import BuildFinished, Notice, emit, listening, stage
from agenthands.flows.agreement import agreed_plan
from agenthands.flows.build_tool import build_tools
from agenthands.flows.cancellation import cancelled_by_signal, wait_if_ending
from agenthands.mcp.setup import PreparedServers, ReadyServer, UnusableServer
from agenthands.planning.objections import Beginning, CaseFeedback, Objection, ServerFeedback, wish_of
from agenthands.reports.summary import verdict
from agenthands.schemas import MAX_REQUEST_CHARACTERS, BuildOptions, BuildRecord, Plan, Status
from agenthands.store.recorder import BuildRecorder
from agenthands.store.workdirs import BuildContext
from agenthands.tasks.artifacts import BuildArtifacts
from agenthands.tasks.dependencies import budget_for
from agenthands.tasks.environment import prepare_environment, prepare_server, read_nat_registry
from agenthands.tasks.evaluate import accept_agent, failed_stories
from agenthands.tasks.lifecycle import note_start, publish_build, start_build, start_recorder
from agenthands.tasks.package import assemble_agent, tell_outcome
from agenthands.tasks.plan import forget_plan, keep_repaired
from agenthands.tasks.revise import note_feedback_fixed, take_over_tools
from agenthands.tasks.run_states import failed_state

# No `from __future__ import annotations` in this folder: Prefect must resolve a flow's annotations by itself.


DEFAULTS = BuildOptions()
Request = Annotated[str, Field(min_length=1, max_length=MAX_REQUEST_CHARACTERS)]
MAX_REPAIRS = 2
CASES_FAILED = "cases_failed"
_NAME_WIDTH = 60
_End = tuple[Status, str, str]  # how a build ended, the reason in words, and its code


def _run_name() -> str:
    request = str(runtime.flow_run.parameters.get("request", ""))
    return cut(one_line(request), _NAME_WIDTH) or "build"


@flow(name="build-agent", flow_run_name=_run_name)
def build_agent(request: Request, options: BuildOptions = DEFAULTS) -> BuildRecord:
    """Build the agent that `request` describes; returns the published record, accepted or rejected.

    The run's state is named after it, or after the reason why it failed, and its message begins with the build's id.
    Raises AgentHandsError where the user must fix something or something outside failed; what was done until then is
    published as a failed build, also where an exception that nobody expected is raised.

    Args:
        request: What the agent should be able to do, in one sentence.
        options: How to build it; what is empty comes from the worker's settings.
    """
    return finished(request, options, Beginning())


def finished(request: str, options: BuildOptions, beginning: Beginning) -> BuildRecord:
    """Return the state with the record of a build that begins with a request, a wish or a plan; see `build_agent`."""
    try:
        record = _recorded(request, options, beginning)
    except Exception as error:
        wait_if_ending()
        return cast("BuildRecord", failed_state(as_agenthands_error(error)))
    said = f"{record.build_id}: {verdict(record)}"
    return cast("BuildRecord", Completed(name=record.status.capitalize(), message=said, data=record))


def _recorded(request: str, options: BuildOptions, beginning: Beginning) -> BuildRecord:
    """Return the published record. Raises AgentHandsError, which names the record where one was published."""
    build = start_build(request, options)
    ledger = start_recorder(build, beginning.lineage)
    with (
        listening(ledger),
        cancelled_by_signal(lambda: _cancelled(build, ledger)),
        BuildArtifacts(build) as shown,
    ):
        note_start(build)
        try:
            record = _build(build, ledger, shown, beginning)
        except AgentHandsError:
            raise
        except Exception as error:
            wait_if_ending()
            fault = as_agenthands_error(error)
            with suppress(Exception):  # what failed first is what is told
                failed = publish_build.fn(build, ledger.record("failed", fault.message, fault.code), None)
                fault.build_id = failed.build_id
                _tell(failed, shown)
            raise fault from error
        _tell(record, shown)
    return record


def _build(build: BuildContext, ledger: BuildRecorder, shown: BuildArtifacts, beginning: Beginning) -> BuildRecord:
    """Work and publish what came of it, an error of the user's or of the outside included."""
    try:
        end, bundle = _work(build, ledger, shown, beginning)
    except AgentHandsError as error:
        wait_if_ending()
        status: Status = "cancelled" if isinstance(error, BuildCancelled) else "failed"
        failed = publish_build(build, ledger.record(status, error.message, error.code), None)
        _tell(failed, shown)
        error.build_id = failed.build_id
        raise
    published = publish_build(build, ledger.record(*end), bundle)
    if published.feedback:
        note_feedback_fixed(build, published)
    return published


def _work(
    build: BuildContext, ledger: BuildRecorder, shown: BuildArtifacts, beginning: Beginning
) -> tuple[_End, bytes | None]:
    """Plan, make the tools, assemble, accept; where test cases fail, do it again with what happened in them."""
    base = prepare_environment(build)
    registry = read_nat_registry(build, base)
    ledger.note_version("nvidia-nat", registry.version)
    origin = beginning.origin
    objections: list[Objection] = [origin] if origin else []
    ledger.parent = beginning.parent
    end, bundle = _made(build, ledger, shown, registry, base, objections)
    for _ in range(MAX_REPAIRS):
        if not ledger.acceptance or end[2] != CASES_FAILED:
            break
        wish = wish_of(objections[-1]) if objections else None
        objections.append(CaseFeedback(ledger.plan_result(), failed_stories(build, ledger.acceptance), wish))
        try:
            end, bundle = _made(build, ledger, shown, registry, base, objections)
        except PlanRefused as error:
            emit(Notice(build.build_id, f"The failed test cases were not repaired. {error.message}"))
            break
    if ledger.acceptance and not ledger.acceptance.passed:
        forget_plan(build, registry, objections)
    elif ledger.repairs and end[0] == "accepted":
        keep_repaired(build, registry, ledger.plan_result(), origin)
    return end, bundle


def _made(
    build: BuildContext,
    ledger: BuildRecorder,
    shown: BuildArtifacts,
    registry: NatRegistry,
    base: Environment,
    objections: list[Objection],
) -> tuple[_End, bytes | None]:
    """Make and accept an agent by a plan that answers the last of the `objections`, to which more may be added."""
    plan, environment, servers = _planned(build, ledger, shown, registry, base, objections)
    ledger.acceptance = None
    if ledger.parent:
        ledger.note_tools(plan, environment, take_over_tools(build, ledger.parent, plan, environment))
    outcomes, error = build_tools(build, plan, environment, ledger.kept_tools(plan, environment))
    ledger.note_tools(plan, environment, outcomes)
    if error:
        raise error
    if rejected := [tool.name for tool in outcomes if tool.status != "accepted"]:
        budget_for(build).scope("tools").require()  # what was cut short is not judged
        return ("rejected", f"the gate rejected {', '.join(rejected)}", "tools_rejected"), None
    used = [server.planned for server in servers]
    assembled = assemble_agent(build, plan, used, registry, environment)
    ledger.acceptance = result = accept_agent(build, plan, servers, assembled)
    bundle = tell_outcome(build, plan, used, assembled, result)
    return ("accepted", "", "") if result.passed else ("rejected", result.reason, result.reason_code), bundle


def _planned(
    build: BuildContext,
    ledger: BuildRecorder,
    shown: BuildArtifacts,
    registry: NatRegistry,
    base: Environment,
    objections: list[Objection],
) -> tuple[Plan, Environment, Sequence[ReadyServer]]:
    """Return a plan, the environment of its tools and its servers, all usable, and note them.

    The planner is told the last of the `objections`. Where a server cannot be used, that is one more of them, and the
    planner is asked once more.
    """
    for last in (False, True):
        planned = agreed_plan(build, registry, base, objections)
        ledger.note_plan(planned, objections[-1] if objections else None)
        shown.show_plan(planned.plan)
        environment, servers = prepare(build, planned.plan, base)
        if not servers.unusable:
            break
        if last:
            servers.require_usable()
        wish = wish_of(objections[-1]) if objections else None
        objections.append(ServerFeedback(planned, servers.unusable, wish))
    ledger.note_servers(servers.ready)
    return planned.plan, environment, servers.ready


def _cancelled(build: BuildContext, ledger: BuildRecorder) -> None:
    publish_build.fn(build, ledger.record("cancelled", "the run was cancelled", BuildCancelled.code), None)


def _tell(record: BuildRecord, shown: BuildArtifacts) -> None:
    emit(
        BuildFinished(
            record.build_id,
            record.status,
            record.reason,
            verdict(record),
            cost_usd=record.cost_usd,
            seconds=record.seconds,
            reason_code=record.reason_code,
        )
    )
    shown.show_result(record)


def prepare(build: BuildContext, plan: Plan, base: Environment) -> tuple[Environment, PreparedServers]:
    """Return the environment of the plan's tools, and what became of its servers; `base` is NAT alone."""
    futures = [prepare_server.submit(build, server) for server in plan.mcp_servers]
    needed = plan.dependencies()
    environment = prepare_environment(build, needed) if needed else base
    return environment, _servers(build, futures)


def _servers(build: BuildContext, futures: Sequence[PrefectFuture[ReadyServer | UnusableServer]]) -> PreparedServers:
    with stage(build.build_id, "servers") as note:
        prepared = PreparedServers.of(future.result() for future in futures)
        for complaint in (each for server in prepared.unusable.values() for each in server):
            emit(Notice(build.build_id, complaint))
        pins = [f"{each.planned.entry.id} {each.planned.entry.version}" for each in prepared.ready]
        note.detail = ", ".join([*pins, *(f"{name} cannot be used" for name in prepared.unusable)])
    return prepared
