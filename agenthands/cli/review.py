"""Asks a person at a terminal about a plan: whether it is built, and whether earlier test cases are given up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agenthands.errors import BuildCancelled, RequestInvalid
from agenthands.planning.decisions import Answer, Decider
from agenthands.planning.planner import read_plan
from agenthands.reports.terminal.layout import fitted, table
from agenthands.reports.terminal.plan import estimate_text, plan_text
from agenthands.schemas import Plan, RetiredCase

if TYPE_CHECKING:
    from agenthands.planning.cost_estimate import Estimate
    from agenthands.planning.objections import PlanResult

_ASKED = "Enter builds it, e edits it, q ends; or say what to change."


def at_terminal() -> bool:
    """Return whether a person can read and answer here."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def require_terminal() -> None:
    """Raise RequestInvalid where nobody can be asked about a plan."""
    if not at_terminal():
        raise RequestInvalid(
            "A plan can be reviewed in a terminal only.",
            "Print it with `agenthands plan --json`, edit it, and build it with `agenthands build --plan FILE`.",
        )


class AskInTerminal(Decider):
    """Shows plans and asks about them on standard error, while the picture of the build is paused."""

    def __init__(self, paused: Callable[[], AbstractContextManager[None]], reviews: bool) -> None:
        """`paused` leaves the terminal to a person; with `reviews`, plans are shown before they are built."""
        self._paused, self.reviews = paused, reviews

    def review(self, planned: PlanResult, estimate: Estimate, complaint: str) -> Answer:
        """Show a plan with its estimate, and return what the person says. Raises BuildCancelled."""
        with self._paused():
            _say("", plan_text(planned.plan))
            if planned.plan.changes:
                _say("", f"Changed: {planned.plan.changes}")
            _say("", estimate_text(planned.cost_usd, estimate), "")
            if complaint:
                _say(fitted(complaint), "")
            return _answer(planned.plan)

    def retire(self, cases: Sequence[RetiredCase]) -> bool:
        """Show the test cases that would be given up and why, and return whether the person agrees."""
        if not at_terminal():
            return False
        with self._paused():
            _say("", "The change makes these test cases of the agent wrong:")
            _say(*table([(f"  {case.id}", case.why) for case in cases]))
            return _line("Give them up? y or n").lower() in ("y", "yes")


def _answer(plan: Plan) -> Answer:
    """Return what a person types: nothing builds the plan, a text is a wish, e opens the editor."""
    while True:
        line = _line(_ASKED)
        if line in ("", "y", "yes"):
            return None
        if line in ("q", "n", "no"):
            raise BuildCancelled("The plan was not approved.", "Nothing was built; the plan is kept.")
        if line != "e":
            return line
        if edited := _edited(plan):
            return edited


def _edited(plan: Plan) -> Plan | None:
    """Return the plan as it was edited in $EDITOR; None where it was left as it is."""
    text = plan.model_dump_json(indent=1)
    while True:
        text = click.edit(text, extension=".json", require_save=True) or ""
        if not text.strip():
            return None
        edited, complaints = read_plan(text)
        if edited is not None:
            return None if edited == plan else edited
        _say(fitted(complaints[0]))
        if _line("Enter opens it again, q leaves the plan as it was.") == "q":
            return None


def _line(question: str) -> str:
    """Return what a person types behind a question. Raises BuildCancelled where they close the terminal."""
    _say(question)
    sys.stderr.flush()
    try:
        return input("> ").strip()
    except EOFError:
        raise BuildCancelled("The plan was not approved.", "Nothing was built; the plan is kept.") from None


def _say(*lines: str) -> None:
    for line in lines:
        click.echo(line, err=True)


def plan_in(file: str) -> Plan:
    """Return the plan in a file, as `agenthands plan --json` prints it. Raises RequestInvalid."""
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise RequestInvalid(f"{file} is larger than {_MOST_BYTES:,} bytes; a plan is not.")
        plan, complaints = read_plan(content.decode())
    except OSError as error:
        raise RequestInvalid(
            f"The plan {file!r} cannot be read: {error.strerror}.", "`agenthands plan --json` prints one."
        ) from None
    except UnicodeDecodeError:
        raise RequestInvalid(f"The plan {file!r} is not text in UTF-8.") from None
    if plan is None:
        more = f" (and {len(complaints) - 1} more)" if len(complaints) > 1 else ""
        raise RequestInvalid(
            f"{file} is no plan: {complaints[0]}{more}", "`agenthands plan --json` shows how one looks."
        )
    return plan


_MOST_BYTES = 16 * 1024**2
