"""Test cases of a plan that cannot be decided, or that would prove nothing, are complained about by name."""

import pytest
from tests_support import PLAN

from agenthands.planning.case_validation import case_complaints
from agenthands.schemas import Plan

LEAD = {
    "name": "lead", "type": "tool_calling_agent", "description": "Leads.", "instructions": "Ask.",
    "tools": ["helper", "clerk"],
}  # fmt: skip
HELPER = {
    "name": "helper", "type": "tool_calling_agent", "description": "Converts.", "instructions": "Convert.",
    "tools": ["roman_numeral", "time", "current_datetime", "wiki_search"],
}  # fmt: skip
CLERK = {
    "name": "clerk", "type": "chat_completion", "description": "Writes.", "instructions": "Write.", "tools": [],
}  # fmt: skip
WIKI = {"type": "wiki_search", "reasoning": "?"}
TABLE = "What is the trend?\n2024,10,3\n2025,12,4\n2026,15,5"
NUMBERS = "The closes were " + ", ".join(f"18{n}.5" for n in range(12)) + ". What is the trend?"


def complaints(*checks, query="What is 1994?", **changes):
    case = {"id": "a", "query": query, "expected_behavior": "!", "checks": checks, **changes}
    base = {key: value for key, value in PLAN.items() if key not in ("scaffold", "agents", "entry", "test_cases")}
    base["builtin_tools"] = [*base["builtin_tools"], WIKI]
    team = {
        "agents": [{**LEAD, **({"type": "router_agent"} if changes.get("history") == ROUTED else {})}, HELPER, CLERK]
    }
    return list(case_complaints(Plan.model_validate({**base, **team, "entry": "lead", "test_cases": [case]})))


ROUTED = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
SAID = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello!"}]


def check(kind, value):
    return {"kind": kind, "value": value}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("tool_called", "roman_numeral"),
        ("tool_called", {"tool": "roman_numeral", "arguments": {"number": {"regex": "^1"}}, "result": "MCM"}),
        ("tool_called", {"tool": "time__get_current_time", "arguments": {"timezone": "UTC"}}),
        ("tool_fails", "roman_numeral"),
        ("not_called", "any"),
        ("not_called", ["clerk", "current_datetime"]),
        ("refused", "any"),
        ("asks_back", "roman_numeral"),
        ("agent_called", "helper"),
        ("agent_called", {"agent": "helper", "by": "lead"}),
        ("called_in_order", ["helper", "roman_numeral", "clerk"]),
        ("language", "de"),
        ("json_equal", {"a": 1}),
        ("not_contains", "cannot"),
    ],
)
def test_what_can_be_decided_is_let_pass(kind, value):
    assert complaints(check(kind, value)) == []


@pytest.mark.parametrize(
    ("kind", "value", "complaint"),
    [
        ("tool_called", "roman", "there is no tool 'roman'; there are current_datetime"),
        ("tool_called", "helper", "there is no tool 'helper' (an agent: check it with agent_called)"),
        ("tool_called", "time__convert_time", "there is no tool 'time__convert_time'"),
        ("tool_called", {"arguments": {}}, "must be text, or an object with tool"),
        ("tool_called", {"tool": "roman_numeral", "args": {}}, "knows tool, arguments and result, not args"),
        ("tool_called", {"tool": "roman_numeral", "arguments": [1]}, "must be an object"),
        ("tool_called", {"tool": "roman_numeral", "arguments": {"nr": 1}}, "has no parameters nr; it has number"),
        ("tool_called", {"tool": "roman_numeral", "arguments": {"number": {"regex": "("}}}, "no regular expression"),
        ("tool_called", {"tool": "roman_numeral", "result": {"regex": 7}}, "7: it is no text"),
        ("tool_fails", {"tool": "roman_numeral"}, "must be the name of a tool"),
        ("not_called", "moon", "there is no tool and no agent 'moon'"),
        ("agent_called", "moon", "there is no agent 'moon'; there are lead, helper, clerk"),
        ("agent_called", "lead", "nobody asks lead, so it is never called"),
        ("agent_called", {"agent": "helper", "by": "clerk"}, "clerk does not have helper among its tools; lead does"),
        ("agent_called", {"agent": "helper", "who": "clerk"}, "knows agent and by, not who"),
        ("called_in_order", "helper", "a list of two names or more"),
        ("called_in_order", ["helper", "any"], "no agent 'any'"),
        ("language", "German", "ISO 639-1"),
        ("regex", "(", "no regular expression"),
        ("contains", 7, "must be text"),
        ("not_contains", "", "must be text"),
    ],
)
def test_what_cannot_be_decided_is_named(kind, value, complaint):
    (found,) = complaints(check(kind, value))
    assert found.startswith("test_cases.a: ")
    assert complaint in found


def test_a_conversation_begins_with_the_user_and_needs_an_agent_that_gets_all_of_it():
    assert complaints(history=SAID) == []
    (found,) = complaints(history=SAID[1:])
    assert "must begin with the user" in found
    (found,) = complaints(history=ROUTED)
    assert "NAT gives lead, a router_agent, the last message alone" in found


FETCH = check("tool_called", "wiki_search")
TIME = check("tool_called", "time__get_current_time")
COMPUTE = check("tool_called", "roman_numeral")


@pytest.mark.parametrize(
    ("checks", "query", "complaint"),
    [
        ([FETCH], TABLE, "holds the data that wiki_search is there to fetch"),
        ([TIME], NUMBERS, "holds the data that time__get_current_time is there to fetch"),
        ([FETCH], 'Given {"a": 1, "b": 2, "c": 3}, what is b?', "holds the data"),
        ([FETCH, check("contains", "189.3")], "It closed at 189.3. What was the close?", "the question says 189.3"),
        ([check("tool_called", {"tool": "wiki_search", "result": "1815"})], "Born in 1815?", "the question says 1815"),
        ([FETCH, COMPUTE], TABLE, ""),
        ([COMPUTE], NUMBERS, ""),
        ([], TABLE, ""),
        ([FETCH, check("contains", "Ada")], "Who was Ada Lovelace (1815)?", ""),
        ([FETCH, check("contains", "12")], "Name 12 rivers.", ""),
        ([FETCH], "Compare the populations of Berlin, Paris, Rome, Madrid and Vienna in 2020, 2021 and 2022.", ""),
    ],
)
def test_a_question_holds_no_data_that_a_tool_is_there_to_fetch(checks, query, complaint):
    found = complaints(*checks, query=query)
    assert complaint in " ".join(found)
    assert bool(found) is bool(complaint)
