"""What writes a tool; the docstring of the protocol is its error contract."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agenthands.llm.budget import BudgetScope
from agenthands.sandbox.base import Shell
from agenthands.schemas import CodingResult


@dataclass(frozen=True)
class CodingTask:
    """One turn of the conversation in which a tool is written.

    `stand_in` is a file that the coder makes as soon as a fallback has answered in the place of its model.
    """

    build_id: str
    tool: str
    attempt: int
    system_prompt: str
    message: str
    workspace: Path
    conversation: Path
    shell: Shell
    seconds: float
    steps: int
    scope: BudgetScope
    stand_in: Path


class Coder(Protocol):
    """A coding agent with one persistent conversation per tool."""

    def work(self, task: CodingTask) -> CodingResult:
        """Send `message` into the tool's conversation and let the agent work until it stops.

        The shell is closed at the end. What the agent did wrong is in the result, a content filter that refuses and
        a conversation too long for the model too. Raises ModelNotUsable, QuotaExhausted, ModelUnavailable, or
        BudgetReached where nothing is left to begin with.
        """
