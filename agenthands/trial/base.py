"""What a trial of a model found: for each role, what works and what does not, by reason codes, and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agenthands.coding.base import Coder
from agenthands.llm.base import ChatModel
from agenthands.llm.budget import BudgetScope
from agenthands.llm.gateway.base import ModelGateway
from agenthands.reasons import REASONS
from agenthands.sandbox.base import Sandbox
from agenthands.schemas import Tokens

Part = Literal["planner", "coder", "agent", "judge"]


@dataclass(frozen=True)
class Finding:
    """What one kind of call showed of the model in one role.

    `code` is a reason of `agenthands.reasons`, empty where it works. `said` is what works, or what the model or its
    provider did instead.
    """

    role: Part
    model: str
    said: str
    code: str = ""

    @property
    def works(self) -> bool:
        """Whether a build can count on it."""
        return not self.code

    @property
    def advice(self) -> str:
        """What to do about it, in a sentence; empty where it works."""
        return REASONS[self.code].advice if self.code else ""


@dataclass(frozen=True)
class ModelTrial:
    """All findings of a trial, and what it cost: US dollars, None if the price is unknown, and tokens."""

    findings: Sequence[Finding]
    cost_usd: float | None
    tokens: Tokens
    calls: int
    seconds: float

    @property
    def usable(self) -> bool:
        """Whether everything works in every role."""
        return all(finding.works for finding in self.findings)


@dataclass(frozen=True)
class OnTrial:
    """What a trial calls, made of the same settings as in a build, but without fallbacks: they would hide a failure.

    `models` names the model of each role; the planner's judges. `chat` returns its port for a scope.
    """

    models: Mapping[Part, str]
    chat: Callable[[BudgetScope], ChatModel]
    coder: Coder
    gateway: ModelGateway
    sandbox: Sandbox
