"""What in a plan cannot be built, with the exact complaint."""

import copy

import pytest
from tests_support import PLAN, ROMAN_SPEC, registry

from agenthands.mcp.catalogue import load_catalogue
from agenthands.planning.validation import PlanningContext, validate_plan
from agenthands.schemas import Plan

SCAFFOLDS = {"tool_calling_agent": {"llm_name": ("llm", True), "tool_names": ("functions_and_groups", False)}}
REGISTRY = registry(SCAFFOLDS, ["current_datetime", "wiki_search"])
REALITY = PlanningContext(REGISTRY, load_catalogue())


def complaints(**changes):
    return validate_plan(Plan.model_validate({**copy.deepcopy(PLAN), **changes}), REALITY)


def tool(**changes):
    return complaints(custom_tools=[{**ROMAN_SPEC, **changes}])


def test_a_good_plan_has_no_complaints():
    assert complaints() == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"builtin_tools": [{"type": "browse", "reasoning": "?"}]},
            "browse: it cannot be used, NAT has no",
        ),
        ({"mcp_servers": [{"id": "clock", "tools": ["now"], "reasoning": "?"}]}, "there is no server 'clock'"),
        ({"mcp_servers": [{"id": "time", "tools": ["now"], "reasoning": "?"}]}, "time has no tool 'now'; it has"),
    ],
)
def test_what_does_not_exist_is_named(changes, complaint):
    found = complaints(**changes)
    assert any(complaint in each for each in found), found


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"name": "wiki_search"}, "belongs to a component of NAT"),
        ({"name": "class"}, "is a word of Python's own"),
        ({"dependencies": ["not a requirement!"]}, "no PEP 508 requirement"),
        ({"dependencies": ["x @ https://example.org/x.whl"]}, "names a URL"),
        ({"parameters": {"type": "object", "properties": {"number": {"type": "number?"}}}}, "no JSON Schema"),
        ({"parameters": {"type": "array"}}, "must be of type object with properties"),
        ({"parameters": {"type": "object", "properties": {"number": {"$ref": "https://example.org/x"}}}}, "refers to"),
        ({"returns": {"type": "integer"}}, "expected does not fit the schema: 'MCMXCIV' is not of type 'integer'"),
        ({"examples": [{"arguments": {"number": "x"}, "expected": "I"}]}, "arguments.number does not fit"),
        ({"examples": [{"arguments": {"count": 1}, "raises": "ValueError"}]}, "count are no parameters"),
        ({"examples": [{"arguments": {"number": 0}, "raises": "ValueError"}]}, "at least one must show a result"),
        ({"examples": [{"arguments": {"number": 1}, "expected": "I"}] * 2}, "the same arguments"),
        ({"examples": [{"arguments": {"number": 1}, "expected": "I"}]}, "too few to hold one back from the coder"),
    ],
)
def test_what_is_wrong_in_a_tool_is_named(changes, complaint):
    found = tool(**changes)
    assert any(complaint in each for each in found), found


@pytest.mark.parametrize(
    ("check", "complaint"),
    [
        ({"kind": "tool_called", "value": "roman"}, "there is no tool 'roman'"),
        ({"kind": "tool_called", "value": "time__convert_time"}, "there is no tool 'time__convert_time'"),
        ({"kind": "regex", "value": "("}, "no regular expression"),
        ({"kind": "contains", "value": 7}, "must be text"),
    ],
)
def test_checks_that_cannot_be_decided_are_named(check, complaint):
    case = {"id": "a", "query": "?", "expected_behavior": "!", "checks": [check]}
    found = complaints(test_cases=[case])
    assert any(complaint in each for each in found), found
