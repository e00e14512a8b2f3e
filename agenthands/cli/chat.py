"""Talks to an agent in a terminal: each call of a tool as it happens, then the answer; or one question for a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from agenthands._util.formatting import count, cut, duration, money, one_line, plain
from agenthands.flows.cancellation import ended_by_interrupt
from agenthands.reports.terminal.layout import fitted, terminal_columns
from agenthands.schemas import BuildRecord

if TYPE_CHECKING:
    from agenthands.chat import Chat, ChatTurn
    from agenthands.evaluation.conversation import AgentCall

_VERDICTS = {"/right": "right", "/wrong": "wrong", "/case": "case"}
_HELP = """/right [why]    keep the last answer as a good one
/wrong [why]    keep it as a wrong one; say what is right instead
/case [why]     make a test case of it
/cost           what the chat has cost so far
/quit           end, as Ctrl-D does"""


def run_chat(
    agent: str, question: str | None, given: Mapping[str, Any], as_json: bool, hosts: Sequence[str] = ()
) -> int:
    """Chat in the terminal, or ask one question; return 0, or 1 where that had no answer. Raises AgentHandsError."""
    from agenthands.chat import open_chat
    from agenthands.schemas.request import validated_request
    from agenthands.store.workdirs import use_scratch

    use_scratch()
    options = validated_request({"request": "A chat", **given}, "The options").options()
    alone = question is not None or as_json or not sys.stdin.isatty()
    if alone:
        question = sys.stdin.read() if question in (None, "-") else question
    with (
        ended_by_interrupt(lambda: None, "Nothing is left running."),
        open_chat(agent, options, lambda record: _greet(record, alone), hosts) as chat,
    ):
        if alone:
            return _ask_once(chat, question or "", as_json)
        click.echo(fitted("Ready. /help shows the commands, Ctrl-D ends."), err=True)
        for line in _lines():
            _answer(chat, line)
        click.echo(_cost(chat), err=True)
    return 0


def _greet(record: BuildRecord, alone: bool) -> None:
    if record.status != "accepted":
        click.echo(fitted(f"This build was {record.status}: {record.reason}"), err=True)
    if not alone and record.plan:
        click.echo(fitted(f"{record.plan.name}: {record.plan.summary}\nLoading it ..."), err=True)


def _ask_once(chat: Chat, question: str, as_json: bool) -> int:
    steps = _Steps(sys.stderr.isatty() and not as_json)
    turn = chat.ask(question, steps)
    if as_json:
        said = turn.said.model_dump(mode="json")
        click.echo(json.dumps({**said, "cost_usd": turn.cost_usd, "tokens": turn.tokens.model_dump()}, indent=1))
    elif turn.said.error:
        click.echo(fitted(f"No answer: {turn.said.error}"), err=True)
    else:
        click.echo(_harmless(turn.said.answer))
    return 1 if turn.said.error else 0


def _lines() -> Iterator[str]:
    """Yield what a person types, until the end; the arrow keys bring earlier lines back."""
    import readline  # it changes what `input` can do

    readline.parse_and_bind("set enable-bracketed-paste on")  # a pasted invoice is one question, not one a line
    while True:
        try:
            line = input("\n> ").strip()
        except EOFError:
            return
        if line == "/quit":
            return
        if line:
            yield line


def _answer(chat: Chat, line: str) -> None:
    word, _, rest = line.partition(" ")
    if word in _VERDICTS:
        kept = chat.judge(_VERDICTS[word], rest.strip())  # type: ignore[arg-type]  # one of the three
        click.echo(fitted(f"Kept as {kept.id}, for the next revision of {kept.agent}."), err=True)
    elif word == "/cost":
        click.echo(_cost(chat), err=True)
    elif word.startswith("/"):
        click.echo(_HELP, err=True)
    else:
        turn = chat.ask(line, _Steps(True))
        if turn.said.error:
            click.echo(fitted(f"No answer: {turn.said.error}"), err=True)
        else:
            click.echo(f"\n{_harmless(turn.said.answer)}")
        click.secho(f"{_price(turn)}, {duration(turn.said.seconds)}", dim=True, err=True)


class _Steps:
    """Prints each call of a tool or a colleague once it has ended, if calls are to be shown."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown

    def __call__(self, _: int, call: AgentCall) -> None:
        """Print a call that has ended: its name, its arguments, and what came back."""
        if not self._shown or (call.seconds is None and not call.error):
            return
        room = max(30, terminal_columns() - 4)
        who = f"{call.by}: " if call.by else ""
        click.secho(cut(f"  {who}{call.name} {_short(call.arguments)}", room, "…"), dim=True, err=True)
        back = f"failed: {call.error}" if call.error else _short(call.result)
        click.secho(cut(f"    {back}", room, "…"), dim=True, fg="red" if call.error else None, err=True)


def _short(value: Any) -> str:
    return one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 400)


def _harmless(answer: str) -> str:
    """Return a model's answer with its lines, and nothing on which a terminal would act."""
    return "\n".join(plain(line) for line in answer.split("\n"))


def _price(turn: ChatTurn) -> str:
    tokens = turn.tokens.prompt + turn.tokens.completion
    return f"{money(turn.cost_usd)}, {count(tokens, 'token')}"


def _cost(chat: Chat) -> str:
    costs = [turn.cost_usd for turn in chat.turns]
    total = None if None in costs else sum(cost or 0.0 for cost in costs)
    return f"{count(len(chat.turns), 'question')}, {money(total)}"
