"""From what the harness measured to checks that a coding agent can act on."""

import math

import pytest

from agenthands.gate.results import conformance_check, examples_check, own_tests_check, same_json
from agenthands.models import ErrorExample, ResultExample


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


EXAMPLES = [
    ResultExample(arguments={"number": 4}, expected="IV"),
    ErrorExample(arguments={"number": 0}, raises="ValueError"),
]
GOOD = [{"result": "IV"}, {"raises": ["PydanticError", "ValueError", "Exception"], "message": "no"}]


def test_examples_as_specified_pass():
    assert examples_check("examples", EXAMPLES, {"ok": True, "calls": GOOD}).passed


@pytest.mark.parametrize(
    ("calls", "detail"),
    [
        ([{"result": "IIII"}, GOOD[1]], 'returned "IIII", but the specification says "IV"'),
        ([GOOD[0], {"result": ""}], "it raises ValueError"),
        ([GOOD[0], {"raises": ["KeyError", "Exception"], "message": "0"}], "raised KeyError: 0"),
        ([{"raises": ["NotJson"], "message": "the result is no JSON"}, GOOD[1]], "NotJson"),
    ],
)
def test_a_wrong_example_is_shown_with_both_sides(calls, detail):
    check = examples_check("examples", EXAMPLES, {"ok": True, "calls": calls})
    assert not check.passed
    assert detail in check.detail


def test_a_hidden_example_shows_its_arguments_and_not_its_result():
    check = examples_check("held_out", EXAMPLES[:1], {"ok": True, "calls": [{"result": "IIII"}]})
    assert not check.passed
    assert '{"number": 4}' in check.detail
    assert '"IV"' not in check.detail


@pytest.mark.parametrize(
    ("answer", "passed", "detail"),
    [
        ({"ok": True, "outcomes": {"a": "passed", "b": "passed", "c": "passed"}, "failures": []}, True, "3 tests"),
        ({"ok": True, "outcomes": {"a": "passed", "b": "passed"}, "failures": []}, False, "at least 3"),
        ({"ok": True, "outcomes": dict.fromkeys("abc", "passed") | {"d": "skipped"}, "failures": []}, False, "skipped"),
        ({"ok": False, "outcomes": {"a": "failed"}, "failures": ["assert 1 == 2"]}, False, "assert 1 == 2"),
        ({"ok": False, "outcomes": {}, "failures": [], "exit_code": 5}, False, "exit code 5"),
        ({"ok": False, "error": "still running after 60 s"}, False, "still running"),
    ],
)
def test_a_test_run_is_judged(answer, passed, detail):
    check = own_tests_check(answer)
    assert check.passed is passed
    assert detail in check.detail


def test_a_tool_without_a_description_does_not_conform():
    assert not conformance_check({"ok": True, "description": " "}).passed
    assert conformance_check({"ok": True, "description": "Write numbers."}).passed
    assert "boom" in conformance_check({"ok": False, "error": "boom"}).detail
