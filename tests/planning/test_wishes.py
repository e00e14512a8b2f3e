"""What a planner's answer to a wish must keep, and what it must do."""

import copy

import pytest
from tests_support import PLAN

from agenthands.evaluation.feedback_wish import wish_of_user
from agenthands.planning.objections import CaseFeedback, PlanResult, Wish
from agenthands.planning.wishes import answer_complaints
from agenthands.schemas import Plan
from agenthands.schemas.feedback import Correction, Feedback, FeedbackAccepted, FeedbackEntry

BEFORE = Plan.model_validate(PLAN)
OLD = BEFORE.test_cases[0].id
SAID = Feedback(
    id="20261130-101500-abcdef", at="2026-11-30T10:15:00Z", agent=BEFORE.name, build_id="b1", verdict="wrong",
    note="it is IV", question="What is 4?", answer="IIII",
    history=[{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Hi"}],
)  # fmt: skip
RIGHT = Correction(answer="IV", tool="roman_numeral", arguments={"number": 4000}, result="MMMM")
ENTRY = FeedbackEntry(feedback=SAID, acceptance=FeedbackAccepted(at=SAID.at, correction=RIGHT))


def changed(**parts):
    plan = copy.deepcopy(PLAN)
    plan["agents"][0]["instructions"] = "Be brief."
    return Plan.model_validate({**plan, "changes": "Shorter.", **parts})


def complaints(plan, wish=None):
    return answer_complaints(plan, wish or Wish(PlanResult.given(BEFORE), "shorter"))


def test_a_change_of_instructions_is_an_answer():
    assert complaints(changed()) == []


@pytest.mark.parametrize(("parts", "said"), [
    ({"changes": ""}, "say what you changed"),
    ({"name": "other-name"}, "still called"),
    ({"retired": [{"id": OLD, "why": "no"}]}, "left out or changed belongs here"),
    ({"test_cases": [{**PLAN["test_cases"][0], "query": "What is five?"}]}, f"{OLD} must stay exactly"),
])  # fmt: skip
def test_what_was_agreed_stays(parts, said):
    assert any(said in complaint for complaint in complaints(changed(**parts)))


def test_a_case_that_no_longer_holds_is_listed_with_why():
    cases = [{**PLAN["test_cases"][0], "query": "What is five?"}, *PLAN["test_cases"][1:]]
    assert complaints(changed(test_cases=cases, retired=[{"id": OLD, "why": "Five is asked now."}])) == []


def test_the_same_plan_is_no_answer():
    assert any("same as before" in each for each in complaints(BEFORE))


def test_a_review_may_change_cases():
    cases = [{**PLAN["test_cases"][0], "query": "What is five?"}]
    assert complaints(changed(test_cases=cases), Wish(PlanResult.given(BEFORE), "five", keeps=False)) == []


def test_accepted_feedback_must_be_a_case_and_a_corrected_result_an_example():
    wish = wish_of_user(BEFORE, "", [ENTRY], [])
    said = complaints(changed(), wish)
    assert any("feedback-20261130-101500-abcdef must be there" in each for each in said)
    assert any("'MMMM' must be there" in each for each in said)
    case = {**wish.cases[0].model_dump(mode="json"), "checks": [{"kind": "contains", "value": "IV"}]}
    assert [turn["content"] for turn in case["history"]] == ["Hi"], "the user speaks first"
    tools = copy.deepcopy(PLAN["custom_tools"])
    tools[0]["examples"].append({"arguments": {"number": 4000}, "expected": "MMMM"})
    assert complaints(changed(test_cases=[*PLAN["test_cases"], case], custom_tools=tools), wish) == []


def test_a_repair_gives_up_nothing_that_was_agreed():
    wish = Wish(PlanResult.given(BEFORE), "shorter")
    failed = CaseFeedback(PlanResult.given(changed()), {OLD: "answered: V"}, wish)
    cases = [{**PLAN["test_cases"][0], "query": "What is five?"}, *PLAN["test_cases"][1:]]
    said = answer_complaints(changed(test_cases=cases, retired=[{"id": OLD, "why": "no"}]), failed)
    assert any("it was agreed with the user" in each for each in said)
