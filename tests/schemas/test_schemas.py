"""The plan's schema, the held-out examples, and sums of costs."""

import copy
import json

import pytest
from pydantic import ValidationError
from tests_support import PLAN, ROMAN_SPEC

from agenthands.schemas import ErrorExample, Plan, Tokens, ToolSpec, add_costs, hidden_example_indices, hold_out_fault


def test_a_plan_round_trips_through_json():
    plan = Plan.model_validate(PLAN)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert isinstance(plan.custom_tools[0].examples[3], ErrorExample)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("name",), "Roman Helper"),
        (("name",), "../etc"),
        (("extra",), 1),
        (("agents", 0, "extra"), 1),
        (("agents", 0, "instructions"), "x" * 100_000),
        (("entry",), "nobody"),
        (("test_cases",), []),
        (("custom_tools", 0, "name"), "roman-numeral"),
        (("custom_tools", 0, "examples", 0, "raises"), "ValueError"),
        (("mcp_servers", 0, "tools"), []),
        (("test_cases", 0, "checks", 0, "kind"), "looks_good"),
    ],
)
def test_what_does_not_fit_is_refused(path, value):
    plan = copy.deepcopy(PLAN)
    target = plan
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(ValidationError):
        Plan.model_validate(plan)


def test_a_name_may_appear_once():
    plan = {**PLAN, "custom_tools": [ROMAN_SPEC, ROMAN_SPEC]}
    with pytest.raises(ValidationError, match="roman_numeral appears more than once"):
        Plan.model_validate(plan)


def test_a_third_of_the_examples_is_held_out_by_content_not_by_order():
    tool = ToolSpec.model_validate(ROMAN_SPEC)
    hidden = [tool.examples[index] for index in hidden_example_indices(tool)]
    turned = tool.model_copy(update={"examples": tool.examples[::-1]})
    assert len(hidden) == 1
    assert [turned.examples[index] for index in hidden_example_indices(turned)] == hidden
    assert [example for example in tool.examples if example not in tool.visible().examples] == hidden


@pytest.mark.parametrize(("count", "hidden"), [(1, 0), (2, 0), (3, 1), (6, 2), (10, 3)])
def test_how_many_examples_are_held_out(count, hidden):
    examples = [{"arguments": {"number": number}, "expected": "I"} for number in range(count)]
    assert len(hidden_example_indices(ToolSpec.model_validate({**ROMAN_SPEC, "examples": examples}))) == hidden


def spec(returns, *outcomes):
    """Return a specification with one example an outcome; a class of errors is an outcome, too."""
    examples = [
        {"arguments": {"number": number}, **({"raises": each} if each in ERRORS else {"expected": each})}
        for number, each in enumerate(outcomes)
    ]
    return ToolSpec.model_validate({**ROMAN_SPEC, "returns": returns, "examples": examples})


ERRORS = ("ValueError", "KeyError")
NUMBER, BOOLEAN, TEXT = {"type": "number"}, {"type": "boolean"}, {"type": "string"}
VALID = {"type": "object", "properties": {"valid": BOOLEAN}, "required": ["valid"]}
YES, NO = {"valid": True}, {"valid": False}


def passes_as_a_table(tool, otherwise):
    """Return whether a table of the visible examples, with one outcome for all else, fits all examples."""
    hidden = hidden_example_indices(tool)
    visible = [each for index, each in enumerate(tool.examples) if index not in hidden]
    seen = {json.dumps(each.arguments): each for each in visible}
    fits = [getattr(each, "raises", getattr(each, "expected", None)) == otherwise
            for each in tool.examples if json.dumps(each.arguments) not in seen]  # fmt: skip
    return all(fits)


@pytest.mark.parametrize(
    "tool",
    [
        spec(NUMBER, 0, 100, -40, "ValueError"),
        spec(NUMBER, 0, "ValueError", "ValueError", "ValueError", "ValueError", 7, "ValueError"),
        spec(NUMBER, 1, 1, 1, 1, 1, 2),
        spec(TEXT, "a", "a", "b", "b", "c", "c"),
        spec(BOOLEAN, True, True, False, False),
        spec(BOOLEAN, True, False, "ValueError", True, False, "ValueError", True),
        spec(VALID, YES, YES, NO, NO, NO),
        spec({"enum": ["a", "b", "c"]}, "a", "b", "c", "a", "c"),
    ],
)
def test_no_table_of_the_visible_examples_passes_the_hidden_ones(tool):
    hidden = hidden_example_indices(tool)
    outcomes = [getattr(each, "raises", getattr(each, "expected", None)) for each in tool.examples]
    shown = [outcome for index, outcome in enumerate(outcomes) if index not in hidden]
    assert hold_out_fault(tool) == ""
    assert 1 <= len(hidden) <= max(2, round(len(outcomes) / 3))
    assert not any(passes_as_a_table(tool, each) for each in [*shown, None, 0, "", "ValueError", "KeyError"])
    assert any(each not in ERRORS for each in shown)


def test_an_error_is_hidden_only_where_one_of_its_class_is_shown():
    for names in ([], ["ValueError"], ["ValueError", "KeyError"], ["ValueError", "ValueError", "KeyError", "KeyError"]):
        for more in range(3, 9):
            tool = spec(NUMBER, *names, *range(more))
            shown = {getattr(each, "raises", None) for each in tool.visible().examples}
            assert set(names) <= shown


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        (spec(NUMBER, 1), "too few"),
        (spec(NUMBER, 1, 2), "too few"),
        (spec(NUMBER, 1, "ValueError", "ValueError"), "a result of its own"),
        (spec(NUMBER, 1, 1, 1, 1, 1.0000000001), "a result of its own"),
        (spec(BOOLEAN, True, True, True, True, True), "at least two examples for each of two results"),
        (spec(BOOLEAN, True, False, True), "at least two examples for each of two results"),
    ],
)
def test_examples_that_a_table_could_pass_are_said_to_be_too_few(tool, said):
    assert said in hold_out_fault(tool)
    assert bool(hidden_example_indices(tool)) == (len(tool.examples) >= 3)  # as close as they come


def test_a_table_is_the_tool_where_its_examples_are_all_calls_there_are():
    schema = {"properties": {"on": {"type": "boolean"}, "size": {"enum": ["S", "L"]}}, "required": ["on"]}
    calls = [{"on": on, **size} for on in (True, False) for size in ({}, {"size": "S"}, {"size": "L"})]

    def tool(parameters, some):
        body = {**ROMAN_SPEC, "parameters": {"type": "object", **parameters}}
        return ToolSpec.model_validate({**body, "examples": [{"arguments": each, "expected": "x"} for each in some]})

    assert hold_out_fault(tool(schema, calls)) == ""
    assert hold_out_fault(tool(schema, [*calls[:5], calls[0]]))
    assert hold_out_fault(tool({**schema, "properties": {**schema["properties"], "n": {"type": "integer"}}}, calls))
    assert hold_out_fault(tool({"properties": {}}, [{}])) == ""


def test_an_unknown_cost_makes_the_sum_unknown():
    assert add_costs(0.1, 0.2) == pytest.approx(0.3)
    assert add_costs() == 0
    assert add_costs(0.1, None) is None
    assert Tokens(prompt=1, cached=2) + Tokens(prompt=3, completion=4) == Tokens(prompt=4, completion=4, cached=2)
