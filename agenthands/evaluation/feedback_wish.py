"""Turns what users said of answers into what a planner must do: a story to read, a test case, an example of a tool."""

from __future__ import annotations

from collections.abc import Sequence

from agenthands._util.formatting import cut
from agenthands.evaluation.transcript import calls_text
from agenthands.planning.objections import PlanResult, WantedExample, Wish
from agenthands.schemas import Plan, TestCase, Turn
from agenthands.schemas.feedback import Feedback, FeedbackEntry
from agenthands.schemas.test_case import MOST_TURNS

_LONGEST, _CALLS = 1500, 4000
_VERDICTS = {"right": "right", "wrong": "wrong", "case": "worth a test case"}


def wish_of_user(plan: Plan, change: str, accepted: Sequence[FeedbackEntry], others: Sequence[FeedbackEntry]) -> Wish:
    """Return the wish to change an accepted plan: in the user's words, and by feedback.

    Each of the `accepted` feedback becomes a test case, and a corrected result an example of its tool; the `others` are
    told alone.
    """
    names = {tool.name for tool in plan.custom_tools}
    examples = [
        WantedExample(right.tool, dict(right.arguments), right.result)
        for right in (each.correction for each in accepted)
        if right.tool in names
    ]
    return Wish(
        PlanResult.given(plan),
        change,
        stories={each.feedback.id: feedback_story(each) for each in accepted},
        background={each.feedback.id: feedback_story(each) for each in others},
        cases=[case_of(each) for each in accepted],
        examples=examples,
    )


def feedback_story(entry: FeedbackEntry) -> str:
    """Return what was asked and answered, with the calls that led to it, and what its user says, for a planner."""
    said, right = entry.feedback, entry.correction
    before = [f"before that, {turn.role}: {cut(turn.content, 300)}" for turn in said.history[-4:]]
    lines = [
        *before,
        f"asked: {cut(said.question, _LONGEST)}",
        f"answered: {cut(said.answer, _LONGEST) or '(nothing)'}",
        f"its user says: this is {_VERDICTS[said.verdict]}",
    ]
    lines += [f"its user's words: {cut(said.note, _LONGEST)}"] if said.note else []
    lines += [f"right is: {cut(right.answer, _LONGEST)}"] if right.answer else []
    lines += [f"{right.tool} with {right.arguments!r} must return {right.result!r}"] if right.tool else []
    return "\n".join([*lines, f"calls: {calls_text(said.calls, _CALLS)}"])


def case_of(entry: FeedbackEntry) -> TestCase:
    """Return the test case that a feedback becomes: the planner adds checks, and words what a right answer does."""
    said = entry.feedback
    right = entry.right_answer or said.note or said.answer
    return TestCase(
        id=f"feedback-{said.id}",
        query=said.question,
        history=_history(said),
        expected_behavior=f"Answers: {cut(right, _LONGEST)}",
    )


def _history(said: Feedback) -> list[Turn]:
    """Return the end of what was said before, as far as a test case takes it; the user speaks first."""
    turns = said.history[-MOST_TURNS:]
    first = next((number for number, turn in enumerate(turns) if turn.role == "user"), len(turns))
    return turns[first:]
