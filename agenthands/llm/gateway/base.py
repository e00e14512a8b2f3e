"""The model gateway port, through which a sandbox reaches a model, and the record of its calls."""

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
    """One model call through the gateway, a line of its log. `at` is in seconds since the epoch.

    `error` is empty unless the call failed, was cut off, or had an empty answer. `role` is that of the agents which
    this model answers, empty for the usual one.
    """

    at: float
    model: str
    seconds: float
    tokens: Tokens = field(default_factory=Tokens)
    cost_usd: float | None = None
    error: str = ""
    role: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the call as a JSON-able mapping; it holds no messages."""
        return {**vars(self), "tokens": self.tokens.model_dump()}


@dataclass
class GatewayUsage:
    """What has passed through a model gateway so far; `calls` and `errors` are capped and hold the first ones only.

    `fault` is the latest failure that was not the agent's. `by_fallback` is true if a fallback answered any call.
    """

    requests: int = 0
    by_fallback: bool = False
    errors: list[str] = field(default_factory=list)
    calls: list[GatewayCall] = field(default_factory=list)
    fault: AgentHandsError | None = None


class OpenGateway(Protocol):
    """A running gateway: its socket, the token that it requires, and its usage so far."""

    socket: Path
    token: str
    usage: GatewayUsage


USUAL = "agent"


def name_of(role: str) -> str:
    """Return the name by which a sandbox asks the gateway for the model of a role; empty is the usual one."""
    return f"{USUAL}_{role}" if role else USUAL


class ModelGateway(Protocol):
    """Passes calls from a sandbox to the agent's models, so that the provider's key never enters a sandbox."""

    def open(self, socket: Path, scope: BudgetScope) -> AbstractContextManager[OpenGateway]:
        """Serve an OpenAI-compatible API on a Unix socket until the context ends; calls are charged to `scope`."""
