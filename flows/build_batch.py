"""Many requests, one after the other or at once: here, or through a deployment that other machines work for."""

import re
import time
from pathlib import PurePath
from typing import Annotated, Any, cast

from prefect import Task, flow, runtime, task
from prefect.deployments import run_deployment
from prefect.futures import PrefectFuture, as_completed
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.transactions import CommitMode, transaction
from pydantic import Field

from agenthands.data.sources import state_of
from agenthands.error_mapping import as_agenthands_error
from agenthands.errors import AgentHandsError
from agenthands.events import BatchStarted, emit
from agenthands.flows.build_agent import build_agent
from agenthands.flows.request_files import read_batch
from agenthands.reports.summary import batch_state, batch_verdict
from agenthands.schemas import BatchItem, BatchReport, BuildOptions, BuildRequest
from agenthands.store.batches import failed_item, item_of, new_batch_id, progress_of, publish_batch
from agenthands.store.builds import find_build
from agenthands.store.cache_keys import build_key
from agenthands.tasks.artifacts import BatchArtifacts
from agenthands.tasks.dependencies import settings_for, store_for
from agenthands.tasks.result_cache import cached, result_of, uncached_rejection
from agenthands.tasks.run_states import error_of, failed_state

DEFAULTS = BuildOptions()
Source = Annotated[str, Field(min_length=1)]
AtOnce = Annotated[int, Field(ge=1, le=1000)]
_LOOK_SECONDS = 3.0
_BUILD_ID = re.compile(r"\b\d{8}-\d{6}-[0-9a-f]{6}\b")


def _run_name() -> str:
    return f"batch {PurePath(str(runtime.flow_run.parameters.get('source', ''))).name}"


@flow(name="build-batch", flow_run_name=_run_name)
def build_batch(
    source: Source, options: BuildOptions = DEFAULTS, builds_at_once: AtOnce = 2, deployment: str | None = None
) -> BatchReport:
    """Build every agent that the list in `source` asks for; returns the published report.

    `source` is a file or a key of the store: a YAML list, or JSON lines. The builds run in this process, or each as
    a run of `deployment` wherever a worker takes it. What an earlier run of a batch has built is not built again.
    The run's state is named after the worst build: Accepted, Rejected, or Incomplete where one failed; or after the
    reason why the list cannot be used. Raises RequestInvalid before anything is built; a build that fails is part of
    the report.

    Args:
        source: A file or a key of the store: a YAML list or JSON lines of requests, with options or without.
        options: How to build them all; what is empty comes from each request, then from the worker's settings.
        builds_at_once: How many builds may run together.
        deployment: Make each build a run of this deployment, on any worker; empty builds in this process.
    """
    try:
        settings = settings_for(options)
        requests = read_batch(source, options, store_for(settings))
    except Exception as error:  # nothing is begun yet: the state says why, as that of a build does
        return cast("BatchReport", failed_state(as_agenthands_error(error)))
    batch_id, started = new_batch_id(), time.time()
    emit(BatchStarted(batch_id, len(requests)))
    threads: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=builds_at_once)
    items: dict[int, BatchItem] = {}
    with BatchArtifacts(), threads as runner:
        futures: list[PrefectFuture[Any]] = [
            runner.submit(_kept_build(request), {"request": request, "number": number, "deployment": deployment})
            for number, request in enumerate(requests)
        ]
        for future in as_completed(futures):
            number = futures.index(future)
            items[number] = _settled(requests[number], future)
            emit(progress_of(batch_id, number + 1, len(requests), items[number]))
    report = BatchReport(
        batch_id=batch_id,
        source=source,
        started_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        seconds=round(time.time() - started, 3),
        builds=[items[number] for number in range(len(requests))],
    )
    publish_batch(report, store_for(settings))
    said = f"{batch_id}: {batch_verdict(report)}"
    return cast("BatchReport", Completed(name=batch_state(report), message=said, data=report))


@task(name="build", task_run_name="build-{number}")
def one_build(request: BuildRequest, number: int, deployment: str | None) -> BatchItem:
    """Return what became of one request. What was not accepted is a failed run, which the next batch tries again."""
    try:
        item = _elsewhere(request, number, deployment) if deployment else _here(request)
    except AgentHandsError as error:
        item = failed_item(request, error, store_for(settings_for(request.options())))
    return item if item.status == "accepted" else uncached_rejection(item, item.reason)


def _here(request: BuildRequest) -> BatchItem:
    with transaction(commit_mode=CommitMode.EAGER):  # what a build keeps counts at once
        return item_of(build_agent(request.request, request.options()))


def _elsewhere(request: BuildRequest, number: int, deployment: str) -> BatchItem:
    """Run the deployment and wait. A batch that is started again finds the runs that it had begun."""
    run: Any = run_deployment(
        deployment,
        parameters={"request": request.request, "options": request.options().model_dump(exclude_none=True)},
        poll_interval=_LOOK_SECONDS,
        idempotency_key=f"{runtime.flow_run.id}-{number}",
        tags=["batch"],
    )
    if found := _BUILD_ID.match(str(run.state.message or "")):  # it begins with the id of the record
        return item_of(find_build(store_for(settings_for(request.options())), found[0]))
    raise error_of(run.state, run.name)


def _kept_build(request: BuildRequest) -> Task[..., BatchItem]:
    settings = settings_for(request.options())
    worker: list[Any] = [settings.dependencies, settings.trusted_packages, settings.egress, settings.catalogue]
    worker.append(settings.model_config_file().agent.text)
    worker += [settings.allow_host] if settings.allow_host else []
    worker += [state_of(request.data)] if request.data else []
    key = build_key(request.request, request.options(), [*settings.models().values()], *worker)
    return cached(one_build, key, settings)


def _settled(request: BuildRequest, future: PrefectFuture[Any]) -> BatchItem:
    future.wait()
    try:
        item, from_before = result_of(future.state)
    except Exception as error:  # one build with a fault of ours does not end the others
        return failed_item(request, as_agenthands_error(error), store_for(settings_for(request.options())))
    return cast("BatchItem", item.from_before() if from_before else item)
