"""Commands about what users said of an agent's answers: list it, accept it with what is right, take it elsewhere."""

from __future__ import annotations

import json
from typing import Any

import click

from agenthands.cli.options import as_json, store_option

_FORMS = ("agenthands", "langfuse", "openai")


@click.group(short_help="What users said of an agent's answers.")
def feedback() -> None:
    """List what users said of an agent's answers in a chat, accept it for the next revision, or export it."""


@feedback.command(name="list")
@click.argument("agent", default="")
@store_option
@as_json
def list_feedback(agent: str, store: str | None, as_json: bool) -> None:
    """List the feedback on an agent, or on all agents, with what became of it."""
    from agenthands.api import Store
    from agenthands.reports.terminal.feedback import feedback_text

    entries = Store(store).feedback(agent)
    if as_json:
        told = [{**each.model_dump(mode="json"), "state": each.state} for each in entries]
        click.echo(json.dumps(told, indent=1))
    elif entries:
        click.echo(feedback_text(entries))
    else:
        click.echo("Nobody has said anything yet. /right, /wrong and /case in a chat do.", err=True)


@feedback.command(short_help="Have the next revision answer it.")
@click.argument("note", metavar="ID")
@click.option("--answer", metavar="TEXT", default="", help="What the right answer is.")
@click.option("--tool", metavar="NAME", default="", help="The tool that returned something wrong.")
@click.option("--result", metavar="JSON", help="What it must return.")
@click.option(
    "--arguments", metavar="JSON", help="For which arguments [default: those of the agent's last call of it]."
)
@store_option
def accept(note: str, answer: str, tool: str, result: str | None, arguments: str | None, store: str | None) -> None:
    """Accept a feedback: `revise --feedback` makes a test case of it, and of a corrected result an example."""
    from agenthands.api import Store
    from agenthands.errors import RequestInvalid
    from agenthands.schemas.feedback import Correction

    if bool(tool) != (result is not None):
        raise RequestInvalid("--tool and --result belong together.", "Say which tool must return what.")
    given = _json("--arguments", arguments) if arguments is not None else {}
    if not isinstance(given, dict):
        raise RequestInvalid("--arguments is no JSON object.", "Such as --arguments '{\"values\": [1, 2]}'.")
    right = _json("--result", result) if result is not None else None
    entry = Store(store).accept(note, Correction(answer=answer, tool=tool, arguments=given, result=right))
    agent = entry.feedback.agent
    click.echo(f"{entry.feedback.id} is accepted. `agenthands revise {agent} --feedback` answers it.", err=True)


@feedback.command(short_help="Print it for other programs.")
@click.argument("agent", default="")
@click.option("--format", "form", type=click.Choice(_FORMS), default="agenthands", show_default=True)
@store_option
def export(agent: str, form: str, store: str | None) -> None:
    """Print feedback, one JSON object a line: as it is kept, as items of a data set for Langfuse, or as conversations.

    The form `openai` has only conversations that end with a right answer.
    """
    from agenthands.api import Store
    from agenthands.store.feedback_export import exported

    for line in exported(Store(store).feedback(agent), form):  # type: ignore[arg-type]  # one of the forms
        click.echo(line)


def _json(option: str, text: str) -> Any:
    """Return the JSON of an option. Raises RequestInvalid."""
    from agenthands.errors import RequestInvalid

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise RequestInvalid(f"{option} is no JSON: {text[:80]!r}.", "A text needs quotes: '\"...\"'.") from None
