"""Plans that were made before agents had instructions and colleagues are read as plans of now."""

import json

import pytest
from tests_support import PLAN

from agenthands.schemas import Plan

OLD = {key: value for key, value in PLAN.items() if key not in ("agents", "entry")}


def old(kind, order=()):
    return Plan.model_validate({**OLD, "scaffold": {"type": kind, "reasoning": "It fits.", "order": list(order)}})


@pytest.mark.parametrize("kind", ["tool_calling_agent", "react_agent", "reasoning_agent"])
def test_what_drove_all_tools_is_one_agent_with_all_tools(kind):
    plan = old(kind)
    assert [agent.type for agent in plan.agents] == [kind]
    assert plan.entry_agent.tools == ["current_datetime", "roman_numeral", "time"]
    assert plan.entry_agent.instructions == ""


def test_what_gave_each_tool_an_agent_still_does_and_keeps_its_order():
    plan = old("sequential_executor", ["time", "roman_numeral"])
    assert plan.entry_agent.tools == ["time_agent", "roman_numeral_agent", "current_datetime_agent"]
    below = {agent.name: agent for agent in plan.agents if agent.name != plan.entry}
    assert below["time_agent"].tools == ["time"]
    assert below["time_agent"].description == "Time zones."
    assert {agent.type for agent in below.values()} == {"tool_calling_agent"}


def test_a_plan_is_written_with_the_type_that_readers_of_the_first_edition_look_for():
    written = json.loads(Plan.model_validate(PLAN).model_dump_json())
    assert written["scaffold"]["type"] == "tool_calling_agent"
    assert Plan.model_validate(written) == Plan.model_validate(PLAN)
    assert "scaffold" not in Plan.model_json_schema()["properties"]
