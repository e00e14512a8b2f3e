"""What happened in a test case, in words that a planner can act on."""

from __future__ import annotations

from pathlib import Path

from agenthands._util.formatting import cut
from agenthands.evaluation.transcript import ToolCall, tool_calls
from agenthands.schemas import CaseResult

_LONGEST_CALL, _LONGEST_ANSWER, _MOST_CALLS, _LONGEST = 400, 1500, 12, 6000


def case_story(case: CaseResult, transcript: Path) -> str:
    """Return what was wrong with the answer, the answer, and the calls that led to it: at most 6,000 characters.

    Of many calls, the first and the last ones are told.
    """
    text = transcript.read_text(encoding="utf-8") if transcript.is_file() else ""
    lines = [f"answered: {cut(case.answer, _LONGEST_ANSWER) or '(nothing)'}"]
    if case.error:
        lines.append(f"error: {cut(case.error, _LONGEST_CALL)}")
    lines += [f"check failed: {each.kind} {cut(repr(each.value), 200)}" for each in case.checks if not each.passed]
    if case.opinion and case.opinion.passed is False:
        lines.append(f"the judge says: {cut(case.opinion.reason, _LONGEST_CALL)}")
    calls = tool_calls(text)
    half = _MOST_CALLS // 2
    told = [*calls[:half], *calls[max(half, len(calls) - half) :]]
    made = [_line(call) for call in told] or ["no tool was called"]
    if len(calls) > len(told):
        made.insert(half, f"... {len(calls) - len(told)} further calls ...")
    return cut("\n".join([*lines, *made]), _LONGEST)


def _line(call: ToolCall) -> str:
    by = f"{call.by} called" if call.by else "called"
    came = f"failed: {cut(call.error, _LONGEST_CALL)}" if call.error else f"got {cut(call.answered, _LONGEST_CALL)}"
    return f"{by} {call.tool} with {cut(call.given, _LONGEST_CALL)}\n  {came}"
