"""The questions that the finished agent must handle, and what is decided about its answers without a model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from agenthands.schemas.part import Part


class CaseCheck(Part):
    """Something that can be decided about an answer without a model."""

    kind: Literal["tool_called", "contains", "regex", "json_equal"]
    value: Any


class TestCase(Part):
    """A question that the finished agent must handle."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,48}$")
    query: str = Field(min_length=1)
    expected_behavior: str
    checks: list[CaseCheck] = Field(default_factory=list)
