"""From what the harness measured to checks that a coding agent can act on."""

import json
import math
import re

import pytest
from tests_support import ROMAN_SPEC

from agenthands._util.json_values import same_json
from agenthands.gate.checks.conformance import import_finding
from agenthands.gate.checks.examples import HeldOut, examples_finding
from agenthands.gate.checks.schema import schema_finding
from agenthands.gate.evidence import Evidence
from agenthands.schemas import Check, ResultExample, ToolSpec


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True),
        (1.0, 1.0 + 5e-7, True),
        (1.0, 1.0 + 5e-6, False),
        (0, 1e-13, True),
        (10_000_001, 10_000_002, False),
        (10_000_001, 10_000_002.0, True),
        (10**400, 10**400, True),
        (10**400, 1e308, False),
        (10**400, math.inf, False),
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


@pytest.mark.parametrize(
    ("result", "passes"), [(0.0096, True), (0.00957, True), (0.0097, False), ({"p": 0.0096}, False), (True, False)]
)
def test_an_example_may_say_how_exactly_its_figure_is_known(result, passes):
    example = {"arguments": {"number": 4}, "expected": 0.0096, "tolerance": 0.005}
    tool = ToolSpec.model_validate({**ROMAN_SPEC, "returns": {"type": "number"}, "examples": [example]})
    found = examples_finding(tool, [0], {}, {"ok": True, "calls": [{"result": result}]})
    assert found.passed is passes, found
    assert passes or "within 0.005 of that" in found.detail


def test_a_tolerance_is_bounded():
    example = {"arguments": {"number": 4}, "expected": 0.0096, "tolerance": 0.02}
    with pytest.raises(ValueError, match=r"less than or equal to 0\.01"):
        ToolSpec.model_validate({**ROMAN_SPEC, "examples": [example]})


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


@pytest.mark.parametrize(
    ("index", "call", "kind"),
    [
        (0, {"result": "SECRET"}, "1 returned a wrong result"),
        (0, {"result": 4}, "1 returned a result of the wrong type"),
        (0, {"raises": ["SECRET", "Exception"], "message": "SECRET"}, "1 raised instead of returned"),
        (0, {"raises": ["NotJson"], "message": "the result is no JSON: SECRET"}, "1 returned what is no JSON"),
        (1, {"result": "SECRET"}, "1 returned instead of raised"),
        (1, {"raises": ["SECRET", "Exception"], "message": "SECRET"}, "1 raised an error of another class"),
    ],
)
def test_of_a_hidden_example_the_coder_reads_the_kind_of_failure_and_a_person_all(index, call, kind):
    calls = [call, call]
    check = judged(calls, [index], hidden=True)
    told = check.more["for_coder"]
    assert not check.passed
    assert kind in told
    assert "1 of 1 hidden examples failed." in told
    assert not {"SECRET", "IV", "4", "0", "number", "ValueError"} & set(re.findall(r"\w+", told.partition("\n")[2]))
    assert json.dumps(TOOL.examples[index].arguments) in check.detail
    assert check.more["contradicted"] == [{"example": index, "call": call}]


def test_a_tool_with_too_few_examples_is_told_so_and_what_to_add():
    assert HeldOut().applies(TOOL)
    found = HeldOut().run(Evidence(TOOL, None, None, None, 1, {}, []))
    assert not found.passed
    assert "2 are too few" in found.detail
    assert "give six to ten" in found.detail
    assert "more examples" in HeldOut().advice(Check(name="held_out", passed=False), TOOL)


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
