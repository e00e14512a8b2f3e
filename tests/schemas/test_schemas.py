"""The plan's schema, the held-out examples, and sums of costs."""

import copy

import pytest
from pydantic import ValidationError
from tests_support import PLAN, ROMAN_SPEC

from agenthands.schemas import ErrorExample, Plan, Tokens, ToolSpec, add_costs, hidden_example_indices


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
        (("scaffold", "extra"), 1),
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


def test_an_unknown_cost_makes_the_sum_unknown():
    assert add_costs(0.1, 0.2) == pytest.approx(0.3)
    assert add_costs() == 0
    assert add_costs(0.1, None) is None
    assert Tokens(prompt=1, cached=2) + Tokens(prompt=3, completion=4) == Tokens(prompt=4, completion=4, cached=2)
