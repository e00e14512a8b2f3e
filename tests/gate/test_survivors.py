"""Mutants that the tests did not notice: those that do what the tool does are not held against it."""

import pytest
from patience import patient
from tests_support import ROMAN_SPEC, ROMAN_TESTS, ROMAN_TOOL, write_roman

from agenthands.gate.checks.mutation import does_the_same, mutation_finding
from agenthands.gate.gate import judge
from agenthands.gate.mutation.mutants import Mutant
from agenthands.gate.mutation.probes import probes
from agenthands.schemas import ToolSpec

SPEC = ToolSpec.model_validate(ROMAN_SPEC)
MUTANT = Mutant("", 7, "constant", "@@ -7 +7 @@\n-    x = 1\n+    x = 2", 7)
CALLS = [{"result": number} for number in range(20)]


def answers(other=CALLS, again=CALLS, ok=True, missing=(), calls=CALLS):
    return {
        "probe": {"ok": True, "calls": calls, "missing": list(missing)},
        "probe again": {"ok": True, "calls": again},
        "survivor mutant 0": {"ok": ok, "calls": other},
    }


def raising(name, message="no"):
    return [*CALLS[:-1], {"raises": [name, "Exception"], "message": message}]


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({}, True),
        ({"other": [*CALLS[:-1], {"result": 19.0000001}]}, False),
        (
            {"other": raising("KeyError"), "calls": raising("KeyError", "other words"), "again": raising("KeyError")},
            True,
        ),
        ({"other": raising("KeyError"), "calls": raising("ValueError"), "again": raising("ValueError")}, False),
        ({"other": [*CALLS[:-1], {"slow": True}]}, False),
        ({"again": CALLS[::-1]}, False),
        ({"missing": [7]}, False),
        ({"missing": [8]}, True),
        ({"ok": False}, False),
        ({"other": CALLS[:15]}, False),
        ({"other": CALLS[:5], "calls": CALLS[:5], "again": CALLS[:5]}, False),
        ({"other": raising("E")[-1:] * 20, "calls": raising("E")[-1:] * 20, "again": raising("E")[-1:] * 20}, False),
    ],
)
def test_a_mutant_does_the_same_where_all_calls_agree_and_reached_it(given, same):
    assert does_the_same(MUTANT, 0, answers(**given)) is same


def test_nothing_is_known_of_a_mutant_that_was_not_called_or_of_a_lambda_that_the_import_defines():
    assert not does_the_same(MUTANT, 0, {})
    assert not does_the_same(Mutant("", 7, "constant", "", 0), 0, answers())


def finding(killed, alike, survived):
    """Judge so many mutants."""
    total = killed + alike + survived
    found = {f"mutant {number}": {"ok": number >= killed} for number in range(total)}
    for number in range(killed, total):
        other = CALLS if number < killed + alike else CALLS[::-1]
        found |= answers() | {f"survivor mutant {number}": {"ok": True, "calls": other}}
    return mutation_finding([MUTANT] * total, found)


@pytest.mark.parametrize(
    ("killed", "alike", "survived", "passed"),
    [(8, 0, 2, True), (7, 0, 3, False), (7, 2, 1, True), (7, 1, 2, False), (6, 4, 0, True), (5, 5, 0, False)],
)
def test_what_does_the_same_is_not_counted_and_never_makes_up_for_tests_that_notice_little(
    killed, alike, survived, passed
):
    found = finding(killed, alike, survived)
    assert found.passed is passed
    assert f"{killed} of {killed + survived} small changes" in found.detail
    assert (f"{alike} more make no difference" in found.detail) is bool(alike)
    assert len(found.report["survivors"]) == survived


def test_survivors_are_named_where_the_tests_passed_too():
    assert "Not noticed: line 7 (constant): `x = 1` becomes `x = 2`." in finding(39, 0, 1).detail


def test_probes_are_the_same_each_time_and_hold_examples_constants_and_neighbours():
    found = probes(SPEC, ROMAN_TOOL, 150)
    assert found == probes(SPEC, ROMAN_TOOL, 150)
    assert found[:4] == [dict(example.arguments) for example in SPEC.examples]
    numbers = {each["number"] for each in found if "number" in each}
    assert {0, 4, 1994, 3999, 4000, 3998, 900} <= numbers
    assert len({str(each) for each in found}) == len(found) >= 100


def test_probes_change_texts_lists_objects_and_choices():
    spec = {
        **ROMAN_SPEC,
        "parameters": {
            "type": "object",
            "properties": {
                "rows": {"type": "array", "items": {"type": "object"}},
                "text": {"type": "string"},
                "kind": {"type": "string", "enum": ["a", "b"]},
                "deep": {"type": "boolean"},
                "rate": {"type": ["number", "null"]},
            },
            "required": ["rows", "text"],
        },
        "examples": [
            {"arguments": {"rows": [{"x": 1}, {"x": 2}], "text": "one 12\ntwo", "kind": "a", "deep": True, "rate": 1.5},
             "expected": "1"},
            {"arguments": {"rows": [], "text": "öß"}, "expected": ""},
            {"arguments": {"rows": [], "text": ""}, "raises": "ValueError"},
        ],
    }  # fmt: skip
    found = probes(ToolSpec.model_validate(spec), "LIMIT = 7\nWORD = 'tausend'\n", 300)
    assert any(each.get("kind") == "b" for each in found)
    assert any(each.get("deep") is False for each in found)
    assert any("kind" not in each and each["text"].startswith("one") for each in found)
    assert any("tausend" in each["text"] for each in found)
    assert any(len(each["rows"]) > 2 for each in found)
    assert any(each["rows"] and each["rows"][0].get("x") in (6, 7, 8) for each in found)
    assert any(each.get("rate") == 7 for each in found)


# Right, with much that may change and nobody can notice it.
SPARE = """    spare = len(SIGNS) * 2
    numeral = "" if spare > 5 else "?"
    if spare + 1 > 3 * 2:
        spare = spare * 3
"""
IDLE_CODE = ROMAN_TOOL.replace('    numeral = ""\n', SPARE)


@pytest.mark.slow
def test_changes_that_make_no_difference_are_not_held_against_a_tool(tmp_path, nat_environment, bubblewrap):
    folder = write_roman(tmp_path / "w", tool=IDLE_CODE, tests=ROMAN_TESTS)
    report = judge(SPEC, folder, nat_environment, bubblewrap, patient(300))
    found = next(check for check in report.checks if check.name == "mutation")
    assert "more make no difference" in found.detail
    assert found.passed, found.detail
    assert not [each for each in report.survivors if "spare" in each["diff"].rpartition("\n+")[2]]
