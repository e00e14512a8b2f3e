"""Commands about what is kept in a store: builds, and feedback on their agents."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import click

from agenthands.cli.options import as_json, store_option, yes_option

STATUSES = ("accepted", "rejected", "failed", "cancelled")


@click.command(name="list")
@click.option("--status", type=click.Choice(STATUSES), help="Only builds that ended so.")
@click.option("--agent", metavar="NAME", help="Only builds of this agent.")
@click.option("--limit", metavar="N", type=click.IntRange(1), help="Only the newest.")
@store_option
@as_json
def list_builds(status: str | None, agent: str | None, limit: int | None, store: str | None, as_json: bool) -> None:
    """List the builds in the store, newest first."""
    from agenthands.api import Store
    from agenthands.reports.terminal.build import list_text
    from agenthands.reports.terminal.layout import fitted
    from agenthands.store.builds import agent_name

    broken: list[str] = []
    wanted = (
        record
        for record in Store(store).builds(lambda error: broken.append(error.message))
        if status in (None, record.status) and agent in (None, agent_name(record))
    )
    records = list(islice(wanted, limit))
    if as_json:
        click.echo(json.dumps([record.model_dump(mode="json") for record in records], indent=1))
    elif records:
        click.echo(list_text(records))
    elif status or agent:
        click.echo("There are no such builds.", err=True)
    elif not broken:
        click.echo("No builds yet. `agenthands demo` makes one.", err=True)
    for message in broken:
        click.echo(fitted(f"Left out: {message}"), err=True)


@click.command()
@click.argument("build")
@store_option
@click.option("--full", is_flag=True, help="Everything that its report shows, code and transcripts too.")
@click.option("--open", "in_browser", is_flag=True, help="Open the report in the browser.")
@as_json
def show(build: str, store: str | None, full: bool, in_browser: bool, as_json: bool) -> None:
    """Show one build, by its id or by its agent's name."""
    from agenthands.api import Store
    from agenthands.reports.terminal.build import show_text

    place = Store(store)
    record = place.find(build)
    if in_browser:
        open_in_browser(place, record)
    if as_json:
        click.echo(json.dumps(record.model_dump(mode="json"), indent=1))  # ASCII: a terminal acts on none of it
    elif full or not in_browser:
        click.echo(show_text(record, place.texts(record) if full else None))


@click.command()
@click.argument("build")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@store_option
@click.option("--rejected", is_flag=True, help="Also if it was rejected, to find out why.")
def fetch(build: str, folder: Path, store: str | None, rejected: bool) -> None:
    """Unpack the agent of a build into a new folder."""
    from agenthands.api import Store

    place = Store(store)
    record = place.find(build)
    filled = place.fetch(record.build_id, folder, rejected=rejected)
    if record.status == "accepted":
        said = f"{folder} holds the agent; its README.md says how to run it."
        if filled:
            said += f" Its .env has the paths of your data ({', '.join(filled)})."
    else:
        said = f"{folder} holds an agent that was {record.status.upper()}; its README.md says why."
    click.echo(said, err=True)


def open_in_browser(store: Any, record: Any) -> None:
    """Open the report of a build, and say which file it is."""
    from agenthands.cli.commands import open_report

    file, opened = open_report(store, record)
    click.echo(f"{'Opened' if opened else 'There is no browser here; the report is'} {file}", err=True)


@click.command(name="open")
@click.argument("build")
@store_option
def open_build(build: str, store: str | None) -> None:
    """Open the report of a build in the browser."""
    from agenthands.api import Store

    place = Store(store)
    open_in_browser(place, place.find(build))


@click.command()
@click.argument("agent")
@store_option
@as_json
def history(agent: str, store: str | None, as_json: bool) -> None:
    """List the builds of an agent: what each revises, and what was wished."""
    from agenthands.api import Store
    from agenthands.reports.terminal.comparison import history_text

    records = Store(store).history(agent)
    if as_json:
        click.echo(json.dumps([record.model_dump(mode="json") for record in records], indent=1))
    else:
        click.echo(history_text(records))


@click.command()
@click.argument("before")
@click.argument("after")
@click.option("--html", metavar="FILE", type=click.Path(path_type=Path), help="Write it as a page.")
@store_option
def diff(before: str, after: str, html: Path | None, store: str | None) -> None:
    """Show what differs between two builds: plan, instructions, code of tools, test cases, cost."""
    from agenthands.api import Store

    found = Store(store).diff(before, after)
    if html:
        from agenthands.reports.html import render_comparison

        write_page(html, render_comparison(found))
        return
    from agenthands.reports.terminal.comparison import comparison_text

    click.echo(comparison_text(found))


def write_page(file: Path, text: str) -> None:
    """Write a page where the user wants it. Raises RequestInvalid."""
    from agenthands.errors import RequestInvalid

    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RequestInvalid(f"{str(file)!r} cannot be written: {error.strerror}.") from None
    click.echo(f"Written to {file}", err=True)


@click.command(short_help="Remove a build.")
@click.argument("build")
@yes_option
@store_option
def rm(build: str, yes: bool, store: str | None) -> None:
    """Remove a build with all its files, by its id; what users said of the agent stays."""
    from agenthands.api import Store

    place = Store(store)
    record = place.find(build)
    children = [each.build_id for each in place.builds() if each.parent == record.build_id]
    if children:
        click.echo(f"{', '.join(children)} revises it, and stays.", err=True)
    if not (yes or confirmed(f"Remove {record.build_id} ({record.status})?")):
        return
    place.remove(build)
    click.echo(f"{record.build_id} is removed.", err=True)


@click.command(short_help="Remove what is old or unused.")
@click.option("--days", metavar="N", type=click.FloatRange(0), default=30, show_default=True, help="Age of builds.")
@click.option("--results", is_flag=True, help="Also all results that are kept between builds.")
@click.option("--yes", is_flag=True, help="Remove it; else it is only listed.")
@store_option
def prune(days: float, results: bool, yes: bool, store: str | None) -> None:
    """List what can be removed, and with --yes remove it.

    These are old builds, what interrupted removals left, environments of this machine that no build names, and
    with --results what is kept between builds. The newest accepted build of each agent stays, with those it revises.
    """
    from agenthands._util.formatting import count
    from agenthands.api import Store
    from agenthands.reports.terminal.layout import table

    found = Store(store).prunable(days, results=results)
    if not found:
        click.echo("There is nothing to remove.", err=True)
        return
    click.echo("\n".join(table([(each.kind, each.name, megabytes(each.bytes), each.why) for each in found], {2})))
    if not yes:
        click.echo(f"{count(len(found), 'thing')} can be removed. Nothing was: add --yes.", err=True)
        return
    for each in found:
        each.remove()
    click.echo(f"{count(len(found), 'thing')} removed.", err=True)


def megabytes(size: int) -> str:
    """Return a size as text; empty where it is not known."""
    return f"{size / 1_000_000:.1f} MB" if size else ""


def confirmed(question: str) -> bool:
    """Ask a person at the terminal. Raises RequestInvalid where there is none."""
    import sys

    from agenthands.errors import RequestInvalid

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise RequestInvalid("Nobody can be asked here.", "Say it with --yes.")
    return click.confirm(question, err=True)


STORE_COMMANDS = (list_builds, show, open_build, fetch, history, diff, rm, prune)
