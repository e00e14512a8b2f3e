"""Runs a build, a plan or the gate for the command line, and prints what a person or a program wants to read."""

from __future__ import annotations

import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from agenthands import api
from agenthands.cli.progress import choose_progress
from agenthands.errors import RequestInvalid, UserError
from agenthands.flows.cancellation import end_everything, ended_by_interrupt, exit_at_once
from agenthands.flows.local_run import (
    build_flow,
    different_options,
    given_plan_flow,
    plan_flow,
    revise_flow,
    run_here,
)
from agenthands.reports.terminal.layout import fitted
from agenthands.schemas import BuildRecord, BuildRequest
from agenthands.store.builds import build_prefix

_LONG_SECONDS = 30

if TYPE_CHECKING:
    from agenthands.cli.progress import PlainBatchProgress
    from agenthands.schemas import BatchReport


def run_build(request: BuildRequest, as_json: bool, began: float, review: bool = False) -> int:
    """Build one agent for a command that `began` then, and return the exit code. Raises AgentHandsError."""
    return _run_recorded(request, partial(build_flow, request), as_json, began, review)


def run_given_plan(
    file: str, request: str, given: Mapping[str, object], as_json: bool, began: float, review: bool
) -> int:
    """Build the plan of a file and return the exit code; without a request, its summary says what is asked for."""
    from agenthands.cli.review import plan_in
    from agenthands.flows.request_files import read_request

    plan = plan_in(file)
    asked = read_request(request or plan.summary, dict(given))
    return _run_recorded(asked, partial(given_plan_flow, asked, plan), as_json, began, review)


@dataclass(frozen=True)
class Revised:
    """What is to be revised, and how: the agent, the change, and whether feedback is answered and all is agreed to."""

    agent: str
    change: str
    feedback: bool
    yes: bool


def run_revision(wanted: Revised, given: Mapping[str, object], as_json: bool, began: float, review: bool) -> int:
    """Build a revision of an agent and return the exit code. Raises AgentHandsError."""
    from agenthands.flows.request_files import read_revision

    parent, request = read_revision(wanted.agent, wanted.change, wanted.feedback, given)
    load = partial(revise_flow, parent, request, wanted.change, wanted.feedback, wanted.yes)
    return _run_recorded(request, load, as_json, began, review)


def _run_recorded(
    request: BuildRequest,
    load: Callable[[], Callable[[], BuildRecord]],
    as_json: bool,
    began: float,
    review: bool,
) -> int:
    """Run a flow that gives a record, say what one does next, and return the exit code."""
    from agenthands.store.workdirs import counted_from

    with counted_from(began):
        record = _run_flow([request], load, began=began, review=review)
    _ring(began)
    if as_json:
        click.echo(record.model_dump_json(indent=1))
        return 0 if record.status == "accepted" else 1
    click.echo(f"\nMore:      agenthands show {record.build_id}", err=True)
    if record.status != "accepted":
        return 1
    if record.parent:
        click.echo(f"Changes:   agenthands diff {record.parent} {record.build_id}", err=True)
    click.echo(f"Talk:      agenthands chat {record.build_id}", err=True)
    click.echo(f"The agent: agenthands fetch {record.build_id} DIR", err=True)
    return 0


def _ring(began: float) -> None:
    """Ring the terminal's bell after a long wait, for a person who looks elsewhere."""
    if sys.stderr.isatty() and time.time() - began > _LONG_SECONDS:
        sys.stderr.write("\a")


def run_batch(source: str, given: Mapping[str, object], at_once: int, as_json: bool) -> int:
    """Build a batch and return the exit code of the worst build. Raises AgentHandsError."""
    from agenthands.cli.progress import PlainBatchProgress
    from agenthands.flows.request_files import read_batch
    from agenthands.reports.summary import batch_verdict
    from agenthands.schemas.request import validated_request
    from agenthands.tasks.dependencies import settings_for, store_for

    options = validated_request({"request": source, **given}, "The options").options()
    store = store_for(settings_for(options))
    requests = read_batch(source, options, store)  # what is wrong with it is said before anything is started

    def load() -> Callable[[], BatchReport]:
        from agenthands.flows.build_batch import build_batch

        return partial(build_batch, source, options, at_once)

    report = _run_flow(requests, load, PlainBatchProgress(sys.stderr))
    if as_json:
        click.echo(report.model_dump_json(indent=1))
    else:
        page = f"{store.url}/batches/{report.batch_id}/report.html"
        click.echo(f"\n{batch_verdict(report)}\nMore: {page}", err=True)
    return report.exit_code


def run_plan(request: BuildRequest, as_json: bool, began: float) -> int:
    """Plan one agent, estimate its cost, and return the exit code. Raises AgentHandsError."""
    from agenthands.reports.terminal.plan import estimate_text, plan_text
    from agenthands.store.workdirs import counted_from

    with counted_from(began):
        planned, estimate = _run_flow([request], partial(plan_flow, request), began=began)
    click.echo(planned.plan.model_dump_json(indent=1) if as_json else plan_text(planned.plan))
    click.echo(f"\n{estimate_text(planned.cost_usd, estimate)}", err=True)
    return 0


def run_check(folder: Path, tool: str, sandbox: str | None, as_json: bool) -> int:
    """Let the gate judge the workspace `folder`, or tools of a fetched agent; return the exit code.

    Without the name of a tool, all of them are judged. Raises AgentHandsError.
    """
    from agenthands.packaging.workspace import is_fetched, tools_of
    from agenthands.reports.terminal.build import gate_text

    fetched = is_fetched(folder)
    if tool and not fetched:
        raise RequestInvalid(f"{str(folder)!r} is no fetched agent, whose tools have names.", "Leave out --tool.")
    names = [tool] if tool or not fetched else tools_of(folder)
    reports = []
    with ended_by_interrupt(lambda: None):
        for name in names:
            report = api.check(folder, tool=name, sandbox=sandbox)
            click.echo(report.model_dump_json(indent=1) if as_json else gate_text(report))
            reports.append(report)
    if not reports:
        click.echo("The agent has no tool that was written for it.", err=True)
    return 0 if all(report.accepted for report in reports) else 1


def _run_flow[T](
    requests: Sequence[BuildRequest],
    load: Callable[[], Callable[[], T]],
    batch_console: PlainBatchProgress | None = None,
    began: float | None = None,
    review: bool = False,
) -> T:
    """Run a flow with progress on standard error, for a command that `began` then.

    `load` imports the flow, while Prefect's server starts, and returns what runs it. With `review`, a person is asked
    about the plan.
    """
    from agenthands.cli.review import AskInTerminal
    from agenthands.planning.decisions import deciding

    first = requests[0]
    console = batch_console or choose_progress(sys.stderr, first.planner or "", began)
    with ended_by_interrupt(console.restore), deciding(AskInTerminal(console.paused, review)):
        _say_what_is_scripted(requests)
        return run_here(requests, load, console, console)


def leave(code: int) -> NoReturn:
    """End the process and what it started now: Prefect's threads otherwise wait for a server that has ended."""
    end_everything()
    sys.stdout.flush()
    sys.stderr.flush()
    exit_at_once(code)


def _say_what_is_scripted(requests: Sequence[BuildRequest]) -> None:
    from agenthands.tasks.dependencies import settings_for

    models: set[str] = set()
    for options in different_options(requests):
        with suppress(UserError):  # what is wrong with the settings is said below
            settings = settings_for(options)
            models |= {model.model for model in settings.models().values()}
    if scripted := sorted(model for model in models if model.startswith("scripted/")):
        said = f"The model is scripted ({', '.join(scripted)}): it replays answers. All the rest is real."
        click.echo(fitted(said), err=True)


def open_report(store: api.Store, record: BuildRecord) -> tuple[Path, bool]:
    """Open the report where it lies, or a copy where the store is not a folder of this machine.

    Returns its file, and whether there was a browser. Raises StoreNotUsable where there is no report or it is damaged.
    """
    content = store.report(record)
    file = Path(store.url) / build_prefix(record) / "report.html"
    if "://" in store.url or not file.is_file():
        # The browser reads it after this process has ended, so nothing here removes it.
        file = Path(tempfile.mkdtemp(prefix="agenthands-")) / f"{record.build_id}.html"
        file.write_bytes(content)
    return file, webbrowser.open(file.as_uri())
