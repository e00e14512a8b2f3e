"""Reads the calls of a test case from its transcript, and writes them for a model."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agenthands._util.formatting import one_line
from agenthands.evaluation.case_checks import fault_of

_WORKFLOW = "<workflow>"  # what NAT calls the agent itself among its functions
_LONGEST = 1000


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool or a colleague; `seconds` is None if it did not end.

    `by` is the colleague that called, empty for the agent that was asked, and `error` says why it failed.
    """

    tool: str
    given: str
    answered: str
    seconds: float | None
    by: str = ""
    error: str = ""


def tool_calls(transcript: str) -> Sequence[ToolCall]:
    """Return the calls of a case in the order in which they began; empty if the transcript cannot be read."""
    try:
        read: Any = json.loads(transcript)
        if "calls" in read:
            return [_typed(call) for call in read["calls"]]
        steps: Any = read["steps"]  # of builds that knew no calls
        return _paired([step for step in steps if isinstance(step, dict) and step.get("name") != _WORKFLOW])
    except (ValueError, KeyError, TypeError, ArithmeticError, AttributeError, RecursionError):
        return []


def calls_text(calls: Sequence[Mapping[str, Any]], room: int) -> str:
    """Return calls as lines of text that have at most `room` characters; of many, the first and the last ones."""
    each = min(_LONGEST, room // max(len(calls), 1))
    if each < 100:  # fewer calls that say something
        fitting = max(room // 200, 1)
        if len(calls) <= fitting:
            return "\n".join(_line(call, each) for call in calls)[:room]
        head, tail = calls[: (fitting + 1) // 2], calls[len(calls) - fitting // 2 :]
        left_out = f"... {len(calls) - fitting} more calls ..."
        return "\n".join([*(_line(call, 150) for call in head), left_out, *(_line(call, 150) for call in tail)])[:room]
    return "\n".join(_line(call, each - 1) for call in calls) or "none"


def _line(call: Mapping[str, Any], room: int) -> str:
    by = f"{call['by']} called " if call.get("by") else ""
    fault = fault_of(call)
    came = f"FAILED: {fault}" if fault else _text(call.get("result"))
    given = one_line(_text(call.get("arguments")), max(room // 2, 20))
    start = f"- {by}{call['name']} {given} -> "
    return start + one_line(came, max(room - len(start), 20))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _typed(call: Mapping[str, Any]) -> ToolCall:
    seconds, result = call["seconds"], call["result"]
    return ToolCall(
        tool=str(call["name"]),
        given=_text(call["arguments"]),
        answered="" if result is None else _text(result),
        seconds=_finite(float(seconds)) if seconds is not None else None,
        by=str(call.get("by", "")),
        error=fault_of(call),
    )


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
                seconds=_finite(float(end["at"]) - float(start["at"])) if end else None,
            )
        )
    return calls


def _finite(seconds: float) -> float | None:
    """Return how long a call took; None if it is not finite: Python reads NaN and Infinity from JSON."""
    return round(seconds, 3) if math.isfinite(seconds) else None
