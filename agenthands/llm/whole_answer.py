"""Gets the whole of an answer: one that was cut off is asked for again with more room, then continued.

Providers count thoughts against the limit of an answer (googleapis/python-genai#811, NousResearch/hermes-agent#87209),
so a limit that fits most answers cuts some. A cut answer is never read as if it were all of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agenthands.errors import AgentHandsError, AnswerCutOff
from agenthands.llm.prompts import render
from agenthands.schemas import Tokens, add_costs

_MOST_FURTHER = 3
_OVERLAP = 400
_SHOWN = 80


@dataclass(frozen=True)
class Piece:
    """What one call brought: a text, what it cost, and whether it was cut off at the limit of its tokens."""

    text: str
    cost_usd: float | None
    tokens: Tokens
    cut: bool = False
    fault: AgentHandsError | None = None
    saved_usd: float = 0.0


@dataclass(frozen=True)
class Call:
    """What one call asks for: messages, the form of the answer if the provider may hold it, the limit of tokens."""

    messages: Sequence[Mapping[str, str]]
    form: Mapping[str, Any] | None
    limit: int


@dataclass
class Bill:
    """The sum of all calls for one answer, also of those whose text was given up."""

    cost_usd: float | None = 0.0
    tokens: Tokens = field(default_factory=Tokens)
    calls: int = 0
    saved_usd: float = 0.0

    def add(self, piece: Piece) -> None:
        """Count a call."""
        self.cost_usd = add_costs(self.cost_usd, piece.cost_usd)
        self.tokens += piece.tokens
        self.saved_usd += piece.saved_usd
        self.calls += 1


def whole_answer(
    ask: Callable[[Call], Piece], first: Call, most: int, bill: Bill, may_go_on: Callable[[], bool] = lambda: True
) -> Piece:
    """Return the answer to `first`, put together where it had to be continued; `bill` gets all calls.

    A cut answer is asked for again with twice the limit, at most `most`; at that limit it is continued where it
    stopped, without a form, because a form wants a whole answer. If that is not enough, the fault of the piece is
    AnswerCutOff, and so it is where `may_go_on` forbids a further call. Raises what `ask` raises.
    """
    call, said = first, ""
    for _ in range(1 + _MOST_FURTHER):
        piece = ask(call)
        bill.add(piece)
        said = _joined(said, piece.text)
        if not piece.cut:
            return replace(piece, text=said, fault=None if said.strip() else piece.fault)
        if not may_go_on():
            break
        if call.limit < most:
            call, said = replace(call, limit=min(most, 2 * call.limit)), ""
        elif said.strip():
            call = replace(call, form=None, messages=[*first.messages, *_continued(said)])
        else:
            break
    return replace(piece, text=said, fault=_cut_off(call.limit))


def _continued(said: str) -> list[dict[str, str]]:
    asked = render("answer/continue.md.j2", end=said[-_SHOWN:])
    return [{"role": "assistant", "content": said}, {"role": "user", "content": asked}]


def _joined(said: str, more: str) -> str:
    """Return a text and its continuation, which may begin with a code fence, or with the end of the text again.

    JSON repeats itself, so an overlap is taken for one only where that makes the whole readable.
    """
    if not said:
        return more
    stripped = more.removeprefix("```json\n").removeprefix("```\n")
    plain = said + stripped
    for size in range(min(_OVERLAP, len(said), len(stripped)), 0, -1):
        if said.endswith(stripped[:size]) and not _reads(plain) and _reads(said + stripped[size:]):
            return said + stripped[size:]
    return plain


def _reads(text: str) -> bool:
    try:
        json.loads(text.strip().removeprefix("```json").removesuffix("```"))
    except (ValueError, RecursionError):
        return False
    return True


def _cut_off(limit: int) -> AnswerCutOff:
    return AnswerCutOff(
        f"The model's answer was cut off after {limit:,} tokens, its thoughts included.",
        "Choose a model that may answer more, let it think less (`reasoning_effort` in the --config file), or ask for "
        "less at once.",
    )
