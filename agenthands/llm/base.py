"""What answers a conversation; the docstring of the protocol is its error contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agenthands.errors import AgentHandsError
from agenthands.schemas import Tokens


@dataclass(frozen=True)
class ChatAnswer:
    """One answer of a chat model. `cost_usd` is None where the price is unknown.

    `model` is the one that answered, and `by_fallback` says that it is not the one that was to be asked. `fault` says
    why the text is empty.
    """

    text: str
    cost_usd: float | None
    tokens: Tokens
    model: str = ""
    fault: AgentHandsError | None = None
    by_fallback: bool = False


class ChatModel(Protocol):
    """A model that answers a conversation."""

    name: str

    def ask(self, messages: Sequence[Mapping[str, str]], schema_name: str, schema: Mapping[str, Any]) -> ChatAnswer:
        """Answer `messages` in the form of the JSON `schema`; the text may still not fit it.

        Raises ModelNotUsable (key, unknown model), QuotaExhausted, ContentFiltered, ContextExceeded, or
        ModelUnavailable (outage, limit, time-out) after the retries that could help and the fallback.
        """
