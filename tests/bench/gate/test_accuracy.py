"""What `make bench` measures of the gate, on three problems."""

import ast

import pytest

from bench.gate.accuracy import NAMED, Bench, holds, measure
from bench.gate.adversary import Variant, arranged
from bench.gate.human_eval_data import problems
from bench.gate.human_eval_tools import Problem, pinning_tests, specification, tool_text
from bench.gate.json_types import fits, python_type, schema_of, schema_of_annotation

MODULE = '''def clip(numbers, dict):
    """Cut each number at a limit that `dict` names."""
    return [min(number, dict) for number in numbers]
'''
CALLS = [
    {"arguments": {"numbers": [number, 99], "dict": 50}, "derived": False, "result": [number, 50]}
    for number in range(8)
]
PROBLEM = Problem("HumanEval/7", MODULE, "clip", "", "", CALLS)


def test_types_are_inferred_from_values_and_annotations():
    mixed = schema_of([[1, 2.5], []])
    assert mixed == {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "number"}]}}
    assert python_type(mixed) == "list[int | float]"
    assert python_type(schema_of([[[]], None])) == "list[list[Any]] | None"
    assert schema_of([True, {"a": 1}])["anyOf"][0] == {"type": "boolean"}
    stated = schema_of_annotation("List[float]")
    assert fits(stated, [1.0])
    assert not fits(stated, [1])
    assert not fits({"type": "integer"}, True)
    assert schema_of_annotation("Dict") is None


def test_a_problem_becomes_a_tool_and_tests():
    spec = specification(PROBLEM, CALLS)
    assert spec.name == "clip_7"
    assert list(spec.parameters["properties"]) == ["numbers", "dict_value"]  # a field cannot be called `dict`
    tool = ast.parse(tool_text(PROBLEM, MODULE))
    assert "clip(data.numbers, data.dict_value)" in ast.unparse(tool)
    tests = [node.name for node in ast.parse(pinning_tests(PROBLEM, CALLS)).body if isinstance(node, ast.FunctionDef)]
    assert len([name for name in tests if name.startswith("test_")]) == 9
    assert "test_through_nat" in tests


def test_a_wrong_answer_is_held_out_and_no_visible_example_shows_it():
    found = 0
    for wrong in CALLS:
        variant = Variant("", 1, "constant", CALLS, [wrong], [call for call in CALLS if call is not wrong])
        spec = arranged(PROBLEM, variant)
        if spec:
            found += 1
            expected = [example.expected for example in spec.visible().examples]
            assert wrong["result"] not in expected
            assert wrong["result"] in [example.expected for example in spec.examples]
    assert found >= 4
    assert arranged(PROBLEM, Variant("", 1, "constant", CALLS, CALLS, [])) is None


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_three_claims_hold_on_a_sample(nat_environment, bubblewrap):
    summary = measure(problems(3), Bench(nat_environment, bubblewrap, 1), workers=2)
    assert summary["references"]["judged"] == 3
    assert summary["references"]["passed"] == 3, (NAMED, summary["references"]["failed_checks"])
    assert (summary["stubs"]["judged"], summary["stubs"]["accepted"]) == (9, 0)
    variants = summary["variants"]
    assert variants["judged"] == 3
    assert variants["accepted"] == 0
    assert variants["judged_shown_by_held_out_only"] >= 1
    assert variants["not_rejected_by_held_out"] == 0
    assert not summary["left_out_problems"]
    assert holds(summary)
