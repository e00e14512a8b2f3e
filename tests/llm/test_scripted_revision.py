"""The scripted planner answers a wish with a change of its plan, and makes feedback a test case."""

import json

from agenthands.evaluation.feedback_wish import wish_of_user
from agenthands.llm.prompts import render
from agenthands.llm.scripted.provider import SCRIPTS, answer
from agenthands.planning.planner import read_plan, wish_text
from agenthands.planning.wishes import answer_complaints
from agenthands.schemas import Plan
from agenthands.schemas.feedback import Correction, Feedback, FeedbackAccepted, FeedbackEntry

PLAN = Plan.model_validate_json((SCRIPTS / "data-report" / "plan.json").read_text())
SAID = Feedback(
    id="20261130-101500-abcdef", at="2026-11-30T10:15:00Z", agent=PLAN.name, build_id="b1", verdict="wrong",
    note="the mean first", question="Summarise 4, 1 and 7.", answer="No.",
)  # fmt: skip


def test_a_wish_with_feedback_is_fulfilled():
    entry = FeedbackEntry(
        feedback=SAID, acceptance=FeedbackAccepted(at=SAID.at, correction=Correction(answer="The mean is 4.0."))
    )
    wish = wish_of_user(PLAN, "Say the mean first.", [entry], [])
    messages = [
        {"role": "system", "content": render("plan/system.md.j2", schema="{}")},
        {"role": "user", "content": "a report"},
        {"role": "assistant", "content": wish.planned.plan.model_dump_json()},
        {"role": "user", "content": wish_text(wish)},
    ]
    form = {"response_format": {"json_schema": {"name": "plan"}}}
    plan, complaints = read_plan(answer("scripted/data-report", messages, form)["content"])
    assert complaints == []
    assert answer_complaints(plan, wish) == []
    assert plan.test_cases[-1].id == "feedback-20261130-101500-abcdef"
    first = answer("scripted/data-report", messages[:2], form)["content"]
    assert json.loads(first)["agents"][0]["instructions"] == PLAN.entry_agent.instructions
