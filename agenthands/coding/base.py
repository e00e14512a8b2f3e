"""The coding agent port; the docstring of the protocol is its error contract."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agenthands.llm.budget import BudgetScope
from agenthands.sandbox.base import Shell
from agenthands.schemas import CodingResult


@dataclass(frozen=True)
class CodingTask:
    """One turn of the conversation in which a tool is written, at most `seconds` and `steps` long.

    `stand_in` is a file that the coder creates as soon as a fallback has answered in place of its model.
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
        """Send `message` to the tool's conversation, let the agent work until it stops, and close the shell.

        Failures of the agent are in the result, including a refusal by a content filter and a conversation too long for
        the model. Raises ModelNotUsable, QuotaExhausted, ModelUnavailable, or BudgetReached if the budget is used up
        before the turn.
        """
