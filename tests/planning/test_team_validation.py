"""What in a plan's agents cannot be built, with a complaint that a planner can act on."""

import copy

import pytest
from tests_support import PLAN, registry

from agenthands.planning.team_validation import team_complaints
from agenthands.schemas import Plan

LLM = ("llm", True)
TYPES = {
    "tool_calling_agent": {"llm_name": LLM, "tool_names": ("functions_and_groups", False)},
    "chat_completion": {"llm_name": LLM, "system_prompt": ("text", False)},
    "router_agent": {"llm_name": LLM, "branches": ("functions", False), "system_prompt": ("text", False)},
    "sequential_executor": {"tool_list": ("functions", False)},
    "auto_memory_agent": {"llm_name": LLM, "memory_name": ("memory", True), "inner_agent_name": ("function", True)},
    "responses_api_agent": {"llm_name": LLM, "nat_tools": ("functions", False)},
    "prompt_init": {"optimizer_llm": LLM, "system_objective": ("text", True)},
}
REGISTRY = registry(TYPES, ["current_datetime"])
TOOLS = ["current_datetime", "time", "roman_numeral"]


def agent(name, tools=(), kind="tool_calling_agent", told="You do your job.", **more):
    return {
        "name": name,
        "description": f"Does {name}.",
        "instructions": told,
        "type": kind,
        "tools": list(tools),
        **more,
    }


def complaints(*agents, entry="lead", **changes):
    plan = {**copy.deepcopy(PLAN), "agents": list(agents), "entry": entry, **changes}
    return list(team_complaints(Plan.model_validate(plan), REGISTRY, ["fast"]))


def chain(*names):
    """Return agents of which each asks the next; the last one has the tools."""
    below = [*names[1:], None]
    return [agent(name, [other] if other else TOOLS) for name, other in zip(names, below, strict=True)]


@pytest.mark.parametrize(
    "agents",
    [
        [agent("lead", TOOLS)],
        [agent("lead", ["current_datetime", "time__get_current_time", "roman_numeral"], model="fast")],
        [agent("lead", [*TOOLS, "writer"]), agent("writer", kind="chat_completion")],
        [agent("lead", ["one", "two"], "router_agent"), agent("one", TOOLS), agent("two", ["time"])],
        [agent("lead", ["one", "two"], "sequential_executor", ""), agent("one", TOOLS), agent("two", ["time"])],
        chain("lead", "middle", "last"),
        [agent("lead", ["one", "two"]), agent("one", ["two"]), agent("two", TOOLS)],
    ],
    ids=["one", "a tool of a server", "a writer", "a router", "a sequence", "three levels", "asked by two"],
)
def test_a_team_that_can_be_built_has_no_complaint(agents):
    assert complaints(*agents) == []


@pytest.mark.parametrize(
    ("agents", "complaint"),
    [
        ([agent("lead", TOOLS, "agent_x")], "'agent_x' cannot be used, NAT has no such agent; there are chat_comp"),
        ([agent("lead", TOOLS, "auto_memory_agent")], "it needs a memory provider, and none is installed; there are"),
        ([agent("lead", TOOLS, "responses_api_agent")], "it speaks OpenAI's Responses API"),
        ([agent("lead", TOOLS, "prompt_init")], "it needs system_objective"),
        ([agent("lead", [*TOOLS, "moon"])], "there is no 'moon'; there are current_datetime, roman_numeral, time,"),
        ([agent("lead", [*TOOLS, "time__sleep"])], "there is no 'time__sleep'"),
        ([agent("lead", [*TOOLS, "time"])], "'time' appears more than once"),
        ([agent("lead", TOOLS, told=" ")], "agents.lead: it has no instructions: say its role"),
        ([agent("lead", ["one"]), agent("one", TOOLS), agent("two", ["time"])], "agents.two: nobody asks it"),
        ([agent("lead", ["one", *TOOLS]), agent("one")], "agents.one: it has no tools; an agent that needs none"),
        ([agent("lead", TOOLS, "chat_completion")], "can use no tools"),
        ([agent("lead", TOOLS, "sequential_executor", "")], "takes agents alone; give current_datetime, time,"),
        ([agent("lead", ["one"], "sequential_executor"), agent("one", TOOLS)], "asks no model, so nobody reads its"),
        ([agent("lead", ["one"], "router_agent"), agent("one", TOOLS)], "chooses between agents; it has 1"),
        (
            [agent("lead", ["tax", "tax_law"], "router_agent"), agent("tax", TOOLS), agent("tax_law", ["time"])],
            "'tax' is a part of 'tax_law', which the router cannot tell apart",
        ),
        ([agent("lead", TOOLS, model="huge")], "there is no model 'huge'; there are fast."),
        ([agent("lead", ["current_datetime", "time"])], "'roman_numeral' is planned, but no agent has it"),
        ([agent("lead", ["time", *TOOLS[:1], "roman_numeral", "time_inner"]), agent("time_inner", ["time"])], "_inner"),
        ([agent("lead", ["current_datetime", "time", "roman_numeral"]), agent("roman_numeral", ["time"])], "same name"),
        (chain("lead", "one", "two", "three"), "lead asks one asks two asks three; at most 3 levels"),
        ([agent("lead", ["one", *TOOLS]), agent("one", ["two"]), agent("two", ["one"])], "one asks two asks one"),
        ([agent("lead", ["lead", *TOOLS])], "lead asks lead, a circle"),
        ([agent("lead", [*TOOLS, "class"]), agent("class", ["time"])], "the name belongs to Python"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_named(agents, complaint):
    found = complaints(*agents)
    assert any(complaint in each for each in found), found


def test_many_agents_that_all_ask_each_other_are_read_in_bounded_time():
    names = [f"agent_{number}" for number in range(40)]
    found = complaints(*(agent(name, [*names, *TOOLS]) for name in names), entry="agent_0")
    assert any("a circle" in each for each in found)
