"""Reads the tool calls of a test case from its transcript."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_WORKFLOW = "<workflow>"  # what NAT calls the agent itself among its functions


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool by the agent; `seconds` is None if it did not end."""

    tool: str
    given: str
    answered: str
    seconds: float | None


def tool_calls(transcript: str) -> Sequence[ToolCall]:
    """Return the calls of a case in the order in which they began; empty if the transcript cannot be read."""
    try:
        steps: Any = json.loads(transcript)["steps"]
        return _paired([step for step in steps if isinstance(step, dict) and step.get("name") != _WORKFLOW])
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
        return []


def _paired(steps: Sequence[dict[str, Any]]) -> Sequence[ToolCall]:
    ends = [step for step in steps if step.get("event") == "FUNCTION_END"]
    calls = []
    for start in steps:
        if start.get("event") != "FUNCTION_START":
            continue
        # Concurrent calls of the same tool end in any order; their inputs tell them apart.
        fitting = [end for end in ends if all(end.get(key) == start.get(key) for key in ("name", "input"))]
        end = fitting[0] if fitting else {}
        if fitting:
            ends.remove(end)
        calls.append(
            ToolCall(
                tool=str(start.get("name", "")),
                given=str(start.get("input", "")),
                answered=str(end.get("output", "")),
                seconds=_seconds(start, end) if end else None,
            )
        )
    return calls


def _seconds(start: dict[str, Any], end: dict[str, Any]) -> float | None:
    """Return how long a call took; None if it is not finite: Python reads NaN and Infinity from JSON."""
    seconds = float(end["at"]) - float(start["at"])
    return round(seconds, 3) if math.isfinite(seconds) else None
