"""Before a tool is written, NAT says whether it can load the agent that a plan describes."""

import pytest
from tests_support import PLAN

from agenthands.environments.nat_registry import read_registry
from agenthands.packaging.load_check import load_fault
from agenthands.schemas import Plan

pytestmark = pytest.mark.slow


@pytest.fixture
def fault(nat_environment, bubblewrap, tmp_path):
    registry = read_registry(nat_environment, bubblewrap, tmp_path)
    return lambda **changes: load_fault(
        Plan.model_validate({**PLAN, **changes}), registry, nat_environment, bubblewrap, tmp_path / "load"
    )


def member(name, kind, tools=(), **more):
    return {"name": name, "description": name, "instructions": "{a} job", "type": kind, "tools": list(tools), **more}


def test_what_nat_loads_has_no_fault_with_placeholders_for_tools_and_servers(fault):
    remembers = ["add_memory", "get_memory"]
    team = [
        member("lead", "react_agent", ["time", "steps", "roman_numeral", "code_generation", *remembers]),
        member("steps", "sequential_executor", ["writer"]),
        member("writer", "chat_completion"),
    ]
    builtin = {"type": "code_generation", "config": {"programming_language": "Go"}, "reasoning": "?"}
    memory = [{"type": name, "reasoning": "?"} for name in remembers]
    assert fault(agents=team, entry="lead", builtin_tools=[builtin, *memory]) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"agents": [member("roman", "tool_calling_agent")]}, "No tools specified for Tool Calling Agent"),
        ({"agents": [member("roman", "tool_calling_agent", ["moon"])]}, "moon"),
        ({"builtin_tools": [{"type": "wiki_search", "config": {"max_results": "x"}, "reasoning": "?"}]}, "max_results"),
    ],
)  # fmt: skip
def test_what_nat_cannot_load_is_said_in_its_words(fault, changes, words):
    assert words in fault(**changes)
