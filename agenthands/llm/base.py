"""The chat model port; the docstring of the protocol is its error contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agenthands.errors import AgentHandsError
from agenthands.schemas import Tokens


@dataclass(frozen=True)
class ChatAnswer:
    """One answer of a chat model. `cost_usd` is None if the price is unknown.

    `model` names the model that answered; `by_fallback` is true if that is a fallback. `fault` explains a text that is
    empty, or, if it is AnswerCutOff, one that is not whole. `calls` were needed for it. `saved_usd` is what the
    provider's cache of prompts saved.
    """

    text: str
    cost_usd: float | None
    tokens: Tokens
    model: str = ""
    fault: AgentHandsError | None = None
    by_fallback: bool = False
    calls: int = 1
    saved_usd: float = 0.0


class ChatModel(Protocol):
    """A model that answers a conversation."""

    name: str

    def ask(self, messages: Sequence[Mapping[str, str]], schema_name: str, schema: Mapping[str, Any]) -> ChatAnswer:
        """Return an answer to `messages` that should match the JSON `schema`; the text may still not match it.

        The messages must say the form themselves: the provider is told only as far as it can hold a model to it.

        Raises ModelNotUsable (key, unknown model), QuotaExhausted, ContentFiltered, ContextExceeded, or
        ModelUnavailable (outage, rate limit, time-out) once retries and the fallback have failed.
        """
