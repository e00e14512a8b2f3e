"""Prepares a Prefect server for builds: a work pool, limits, automations for dead runs, and deployments.

`deployments/bootstrap` runs this. It can be run again: what exists is updated.
"""

from __future__ import annotations

import json
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from agenthands._util.formatting import money
from agenthands.errors import AgentHandsError
from agenthands.flows.server.deployments import HEARTBEAT_SECONDS, deploy, shipped
from agenthands.tasks.retries import CALLS_MODELS

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

POOL = "agenthands"
SILENCE_SECONDS = 90
STARTING_SECONDS = 600  # a container or a pod may have to pull its image
ZOMBIES = "AgentHands: a run without a heartbeat has crashed"
STILLBORN = "AgentHands: a run that a worker took and that never began has crashed"
# Prefect's terminal states, and the state names of finished builds.
_ENDS = ("Completed", "Failed", "Crashed", "Cancelled", "Accepted", "Rejected", "TimedOut")
# Only our flows: others on the same server may send heartbeats rarely or never.
_FLOWS = ["build-agent", "build-batch", "build-tool", "plan-agent"]
# The states that follow Pending if the machine is alive.
_BEGINNINGS = ("Running", "Retrying", "AwaitingConcurrencySlot", "AwaitingRetry", "Scheduled", "Cancelling", "Paused")


@click.command()
@click.option("--pool", default=POOL, show_default=True, help="Name of the work pool.")
@click.option("--type", "kind", type=click.Choice(["process", "docker", "kubernetes"]), default="process",
              show_default=True, help="What a worker of the pool starts for each run.")  # fmt: skip
@click.option("--image", help="Image of docker and kubernetes runs, made from deployments/Dockerfile "
              "[default: agenthands].")  # fmt: skip
@click.option("--runs", type=click.IntRange(1), help="Runs of the pool at once [default: no limit].")
@click.option("--models", type=click.IntRange(1), help="Steps that call models at once, over all workers.")
@click.option("--day-budget", type=click.FloatRange(0.01, 20_000), metavar="USD",
              help="What the models of all builds may cost in a day (UTC), over all workers.")  # fmt: skip
@click.option("--silence", type=click.IntRange(HEARTBEAT_SECONDS + 10), default=SILENCE_SECONDS,
              show_default=True, help="Seconds without a heartbeat after which a run counts as crashed.")  # fmt: skip
@click.option("--starting", type=click.IntRange(20), default=STARTING_SECONDS, show_default=True,
              help="Seconds after which a run that a worker took and did not begin counts as crashed.")  # fmt: skip
def main(
    pool: str, kind: str, image: str | None, runs: int | None, silence: int, starting: int, **limits: Any
) -> None:  # fmt: skip
    """Prepare the Prefect server at PREFECT_API_URL for AgentHands; run it as often as you like."""
    try:
        watched = watch_runs(silence, starting)
        for line in (*bootstrap(pool, kind, image, runs), *watched, *limit(**limits), *deploy(pool, kind)):
            click.echo(line)
        from prefect.settings import get_current_settings

        click.echo(f"start a worker: {worker_command(pool, get_current_settings().api.url or '')}")
    except AgentHandsError as error:
        raise click.ClickException(error.message) from error


def bootstrap(pool: str = POOL, kind: str = "process", image: str | None = None, runs: int | None = None) -> list[str]:
    """Create or update the work pool, and return a line that describes it.

    An existing pool keeps its job template, except for the image if one is named. Raises click.ClickException if it is
    of another type.
    """
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return [_work_pool(client, pool, kind, image, runs)]


def limit(models: int | None = None, day_budget: float | None = None) -> list[str]:
    """Set the limits that all workers share, and return a line on each; None leaves a limit as it is.

    `models` is the number of concurrent steps that call models, `day_budget` the US dollars per day.
    """
    from prefect.client.orchestration import get_client

    from agenthands.tasks.daily_budget import set_day_budget

    said = []
    with get_client(sync_client=True) as client:
        if models:
            (tag,) = CALLS_MODELS["tags"]
            client.upsert_global_concurrency_limit_by_name(f"tag:{tag}", models)
            said.append(f"limit {tag}: {models} steps that call models at once")
        if day_budget:
            set_day_budget(client, day_budget)
            said.append(f"budget of a day: {money(day_budget)} for the models of all builds")
    return said


def _work_pool(client: SyncPrefectClient, name: str, kind: str, image: str | None, runs: int | None) -> str:
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectNotFound

    try:
        existing = client.read_work_pool(name)
    except ObjectNotFound:
        template = {} if kind == "process" else json.loads(shipped(f"deployments/{kind}-job-template.json").read_text())
        client.create_work_pool(
            WorkPoolCreate(name=name, type=kind, concurrency_limit=runs, base_job_template=_with_image(template, image))
        )
        return f"work pool {name}: made, of type {kind}"
    if existing.type != kind:
        raise click.ClickException(
            f"The work pool {name} is of type {existing.type}, not {kind}: name another with --pool."
        )
    template = _with_image(existing.base_job_template, image)
    client.update_work_pool(name, WorkPoolUpdate(concurrency_limit=runs, base_job_template=template))
    return f"work pool {name}: is there, of type {kind}"


def worker_command(pool: str, url: str) -> str:
    """Return the command that starts a worker of the pool for the Prefect API at `url`.

    An API reached by http needs no certificates, so loading a single one instead of all keeps the worker small.
    """
    certificate = f"PREFECT_API_SSL_CERT_FILE={shlex.quote(str(shipped('deployments/no-tls.pem')))} "
    return f"{certificate if url.startswith('http://') else ''}prefect worker start --pool {shlex.quote(pool)}"


def _with_image(template: dict[str, Any], image: str | None) -> dict[str, Any]:
    if image and template:
        template["variables"]["properties"]["image"]["default"] = image
    return template


def watch_runs(silence: int = SILENCE_SECONDS, starting: int = STARTING_SECONDS) -> list[str]:
    """Have Prefect mark runs as crashed that are silent for `silence` seconds or do not begin in `starting` seconds.

    If a worker dies with its machine, the server is not notified, and a run that has not begun sends no heartbeat.
    Returns a line on each automation.
    """
    heartbeat, ends = "prefect.flow-run.heartbeat", {f"prefect.flow-run.{name}" for name in _ENDS}
    begun = {f"prefect.flow-run.{name}" for name in _BEGINNINGS}
    running = {heartbeat, "prefect.flow-run.Running"}  # the machine may die before the first heartbeat is sent
    _automate(ZOMBIES, running, {heartbeat, *ends}, silence, "It sent no heartbeat: its worker is gone.")
    said = "A worker took it and it never began: its worker is gone."
    taken = {"prefect.flow-run.Pending", "prefect.flow-run.Submitting"}
    _automate(STILLBORN, taken, {heartbeat, *ends, *begun}, starting, said)
    return [
        f"automation: a run without a heartbeat for {silence} s is marked as crashed",
        f"automation: a run that does not begin in {starting} s is marked as crashed",
    ]


def _automate(name: str, after: set[str], expect: set[str], seconds: int, message: str) -> None:
    """Create or update an automation: a flow run has crashed if no event of `expect` follows one of `after` in time."""
    from prefect.automations import Automation
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import EventTrigger, Posture
    from prefect.events.schemas.events import ResourceSpecification

    wanted = Automation(
        name=name,
        description=message,
        trigger=EventTrigger(
            after=after,
            expect=expect,
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=ResourceSpecification({"prefect.resource.role": ["flow"], "prefect.resource.name": _FLOWS}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=seconds),
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message=message)],
    )
    try:
        existing: Any = Automation.read(name=name)
    except ValueError:
        wanted.create()
        return
    wanted.id = existing.id
    wanted.update()


if __name__ == "__main__":
    main()
