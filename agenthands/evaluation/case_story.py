"""What happened in a test case, in words that a planner can act on."""

from __future__ import annotations

from pathlib import Path

from agenthands._util.formatting import cut
from agenthands.evaluation.transcript import tool_calls
from agenthands.schemas import CaseResult

_LONGEST_CALL, _LONGEST_ANSWER, _MOST_CALLS = 400, 1500, 12


def case_story(case: CaseResult, transcript: Path) -> str:
    """Return the tool calls, the answer and what was wrong with it, at most about 12,000 characters."""
    text = transcript.read_text(encoding="utf-8") if transcript.is_file() else ""
    calls = tool_calls(text)
    lines = [
        f"called {call.tool} with {cut(call.given, _LONGEST_CALL)}\n  got {cut(call.answered, _LONGEST_CALL)}"
        for call in calls[:_MOST_CALLS]
    ]
    if len(calls) > _MOST_CALLS:
        lines.append(f"and {len(calls) - _MOST_CALLS} further calls")
    lines = lines or ["no tool was called"]
    lines.append(f"answered: {cut(case.answer, _LONGEST_ANSWER) or '(nothing)'}")
    if case.error:
        lines.append(f"error: {case.error}")
    lines += [f"check failed: {each.kind} {each.value!r}" for each in case.checks if not each.passed]
    if case.opinion and case.opinion.passed is False:
        lines.append(f"the judge says: {case.opinion.reason}")
    return "\n".join(lines)
