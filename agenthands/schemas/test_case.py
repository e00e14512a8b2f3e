"""The questions that the finished agent must handle, and what is decided about its answers without a model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from agenthands.schemas.part import Part, refuse_longer

CASE_ID = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,48}$"
MOST_TURNS = 20


class CaseCheck(Part):
    """Something that can be decided about an answer, or about the calls that led to it, without a model."""

    kind: Literal[
        "tool_called", "contains", "regex", "json_equal", "not_contains", "not_called", "agent_called",
        "called_in_order", "tool_fails", "language", "refused", "asks_back",
    ]  # fmt: skip
    value: Any = Field(
        description="tool_called: a tool's name, or {tool, arguments?, result?}: arguments has those that matter, "
        "each a JSON value or {regex}; result is a text that the tool's result contains, or {regex}. not_called: a "
        "name, a list of names, or any. agent_called: an agent's name, or {agent, by}. called_in_order: a list of "
        "names. tool_fails: a tool whose last call must fail. language: ISO 639-1 code. refused, asks_back: what must "
        "not be called (as not_called); a judge decides the rest. contains, not_contains: text. regex: Python. "
        "json_equal: JSON"
    )


class Turn(Part):
    """What was said before the question."""

    role: Literal["user", "assistant"]
    content: str = Field(min_length=1)


class TestCase(Part):
    """A question that the finished agent must handle."""

    id: str = Field(pattern=CASE_ID)
    query: str = Field(min_length=1)
    history: list[Turn] = Field(
        default_factory=list, description="What was said before the query, the user's first; most cases need none"
    )
    world: str = Field("", description="Name of a world of the tools that it needs", exclude_if=lambda name: not name)
    expected_behavior: str
    checks: list[CaseCheck] = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_bounded(self) -> TestCase:
        refuse_longer("history", self.history, MOST_TURNS)
        return self

    def messages(self) -> list[dict[str, str]]:
        """Return the conversation with the question at its end, as chat models take it."""
        return [*(turn.model_dump() for turn in self.history), {"role": "user", "content": self.query}]


def called_tools(case: TestCase) -> set[str]:
    """Return the names of what a case says must be called."""
    found: set[str] = set()
    for check in case.checks:
        value = check.value
        if check.kind == "tool_called":
            found.add(str(value.get("tool")) if isinstance(value, dict) else str(value))
        elif check.kind == "called_in_order" and isinstance(value, list):
            found |= {str(name) for name in value}
    return found
