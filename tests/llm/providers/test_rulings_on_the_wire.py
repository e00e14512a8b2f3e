"""Small answers in JSON, from every provider: the planner's ruling on an example, and the judge's opinion."""

import json

import pytest
from providers.roster import ROSTER
from providers.shared import Wish
from tests_support import ROMAN_SPEC

from agenthands.coding.arbitration import Contradiction, arbitrate
from agenthands.evaluation.llm_judge import judge_answer
from agenthands.llm.litellm_model import LitellmModel
from agenthands.schemas import TestCase, ToolSpec

pytestmark = pytest.mark.timeout(60)
# The corrected result is free-form JSON: whatever the tool returns.
SPEC = ToolSpec.model_validate(
    {**ROMAN_SPEC, "returns": {"type": "object"}, "examples": [{"arguments": {"number": 4}, "expected": {"text": "?"}}]}
)
RULING = {
    "rulings": [
        {"example": 0, "wrong": "example", "correction": {"expected": {"text": "IV", "parts": {"IV": 1}}},
         "reason": "4 is IV."}
    ]
}  # fmt: skip
CASE = TestCase(id="year", query="What is 1994?", expected_behavior="Says MCMXCIV.")


@pytest.mark.parametrize("member", ROSTER, ids=str)
def test_a_ruling_and_an_opinion(member):
    def model(asked):
        judges = "You judge one answer" in asked.text
        wanted = {"passed": True, "reason": "It says so."} if judges else RULING
        return Wish(json.dumps(wanted), thoughts=900)

    with member.opened(model) as provider:
        asked = LitellmModel(member.settings(provider))
        found = [Contradiction(0, {"result": {"text": "IV"}})]
        (ruling,) = arbitrate(SPEC, "def f(): ...", found, 1, asked).rulings
        judged = judge_answer(CASE, "MCMXCIV", [], asked)
    assert (ruling.wrong, ruling.corrected.expected) == ("example", {"text": "IV", "parts": {"IV": 1}})
    assert (judged.opinion.passed, judged.opinion.reason) == (True, "It says so.")
    assert len(provider.asked) == 2, "each was asked once"
