"""From what the harness measured to checks that a coding agent can act on."""

import math

import pytest
from tests_support import ROMAN_SPEC

from agenthands.gate.checks.conformance import import_finding
from agenthands.gate.checks.examples import examples_finding, same_json
from agenthands.gate.checks.schema import schema_finding
from agenthands.schemas import ResultExample, ToolSpec


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True),
        (1.0, 1.0 + 5e-7, True),
        (1.0, 1.0 + 5e-6, False),
        (0, 1e-13, True),
        (True, 1, False),
        ("1", 1, False),
        (None, None, True),
        (None, 0, False),
        ([1, [2]], [1, [2.0]], True),
        ([1], [1, 2], False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": {"b": 0.1 + 0.2}}, {"a": {"b": 0.3}}, True),
        (math.nan, math.nan, False),
    ],
)
def test_json_is_compared_with_a_tolerance_for_numbers_alone(left, right, same):
    assert same_json(left, right) is same
    assert same_json(right, left) is same


TOOL = ToolSpec.model_validate(
    {
        **ROMAN_SPEC,
        "examples": [
            {"arguments": {"number": 4}, "expected": "IV"},
            {"arguments": {"number": 0}, "raises": "ValueError"},
        ],
    }
)
GOOD = [{"result": "IV"}, {"raises": ["PydanticError", "ValueError", "Exception"], "message": "no"}]


def judged(calls, indices=(0, 1), wanted=None, hidden=False):
    return examples_finding(TOOL, indices, wanted or {}, {"ok": True, "calls": calls}, hidden=hidden)


def test_examples_as_specified_pass():
    assert judged(GOOD).passed


@pytest.mark.parametrize(
    ("calls", "detail", "contradicted"),
    [
        ([{"result": "IIII"}, GOOD[1]], 'returned "IIII", but the specification says "IV"', 0),
        ([GOOD[0], {"result": ""}], "it raises ValueError", 1),
        ([GOOD[0], {"raises": ["KeyError", "Exception"], "message": "0"}], "raised KeyError: 0", 1),
        ([{"raises": ["NotJson"], "message": "the result is no JSON"}, GOOD[1]], "NotJson", 0),
    ],
)
def test_a_wrong_example_is_shown_with_both_sides(calls, detail, contradicted):
    check = judged(calls)
    assert not check.passed
    assert detail in check.detail
    assert check.more == {"contradicted": [{"example": contradicted, "call": calls[contradicted]}]}


def test_a_hidden_example_shows_its_arguments_and_not_its_result():
    check = judged([{"result": "IIII"}, GOOD[1]], [0], hidden=True)
    assert not check.passed
    assert '{"number": 4}' in check.detail
    assert '"IV"' not in check.detail


def test_a_corrected_example_counts():
    corrected = {0: ResultExample(arguments={"number": 4}, expected="IIII")}
    assert judged([{"result": "IIII"}, GOOD[1]], wanted=corrected).passed
    assert not judged(GOOD, wanted=corrected).passed


SHOWN = {"type": "object", "properties": {"number": {"type": "integer", "description": "Number from 1 to 3999"}},
         "required": ["number"]}  # fmt: skip


def test_the_schema_is_that_of_the_specification():
    assert schema_finding(TOOL, SHOWN, {"ok": True, "calls": GOOD}).passed
    check = schema_finding(TOOL, {**SHOWN, "required": []}, {"ok": True, "calls": GOOD})
    assert "parameters.required" in check.detail


def test_a_result_that_does_not_fit_returns_is_named():
    check = schema_finding(TOOL, SHOWN, {"ok": True, "calls": [{"result": 4}, GOOD[1]]})
    assert check.detail == "The result for {\"number\": 4} does not fit `returns`: $: 4 is not of type 'string'"


def test_a_tool_without_a_description_does_not_conform():
    assert not import_finding({"ok": True, "description": " "}).passed
    assert import_finding({"ok": True, "description": "Write numbers."}).passed
    assert "boom" in import_finding({"ok": False, "error": "boom"}).detail
