"""What reaches a model for a sandbox, and what it has seen."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from agenthands.errors import AgentHandsError
from agenthands.llm.budget import BudgetScope
from agenthands.schemas import Tokens


@dataclass(frozen=True)
class GatewayCall:
    """One call of a model through the gateway: a line of its log. `error` names what the provider answered instead."""

    at: float
    model: str
    seconds: float
    tokens: Tokens = field(default_factory=Tokens)
    cost_usd: float | None = None
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the line as a JSON-able mapping; what was said is not in it."""
        return {**vars(self), "tokens": self.tokens.model_dump()}


@dataclass
class GatewayUsage:
    """What went through a model gateway so far; `calls` has the first ones alone, where there are very many.

    `fault` is the last one for which the agent is not to blame. `by_fallback` says that a fallback answered some call.
    """

    requests: int = 0
    by_fallback: bool = False
    errors: list[str] = field(default_factory=list)
    calls: list[GatewayCall] = field(default_factory=list)
    fault: AgentHandsError | None = None


class OpenGateway(Protocol):
    """A running gateway: where it listens, what it demands, what it has seen."""

    socket: Path
    token: str
    usage: GatewayUsage


class ModelGateway(Protocol):
    """Reaches the agent's model for a sandbox, so that the provider's key never enters one."""

    def open(self, socket: Path, scope: BudgetScope) -> AbstractContextManager[OpenGateway]:
        """Serve an OpenAI-compatible API on a Unix socket until the context ends; calls are paid from `scope`."""
