"""A tool about which one example is wrong, and the double of a planner that rules on it."""

import json

from tests_support import ROMAN_SPEC

from agenthands.llm.base import ChatAnswer
from agenthands.schemas import Check, GateReport, Tokens, ToolSpec

WRONG = 1  # the example for 4 says VI
EXAMPLES = [
    {**each, "expected": "VI"} if each["arguments"] == {"number": 4} else each for each in ROMAN_SPEC["examples"]
]
TOOL = ToolSpec.model_validate({**ROMAN_SPEC, "examples": EXAMPLES})
FOUND = {"example": WRONG, "call": {"result": "IV"}}


class Planner:
    """The double of the model: returns its answers one by one and keeps what it was asked."""

    name = "double"
    by_fallback = False

    def __init__(self, *answers):
        self.answers = [each if isinstance(each, str) else json.dumps({"rulings": each}) for each in answers]
        self.asked = []

    def ask(self, messages, schema_name, schema):
        self.asked.append([message["content"] for message in messages])
        answer = self.answers[len(self.asked) - 1]
        return ChatAnswer(answer, 0.01, Tokens(prompt=10, completion=1), by_fallback=self.by_fallback)


def ruling(**changes):
    return {"example": WRONG, "wrong": "example", "correction": {"expected": "IV"}, "reason": "4 is IV.", **changes}


def report(*names, **extra):
    checks = [
        Check.model_validate({"name": name, "passed": False, "contradicted": [FOUND], **extra})
        if name in ("examples", "held_out")
        else Check(name=name, passed=False)
        for name in names
    ]
    return GateReport(tool="roman_numeral", accepted=False, seconds=1, checks=checks)
