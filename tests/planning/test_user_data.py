"""A plan names the sample of the user's data and need not write it; how its tools declare the data is checked."""

import json
from dataclasses import replace

import pytest
from sales_support import SALES_PLAN, SALES_SPEC, write_sales
from tests_support import registry

from agenthands.data.profile import read_data
from agenthands.errors import RequestInvalid
from agenthands.llm.base import ChatAnswer
from agenthands.mcp.catalogue import load_catalogue
from agenthands.planning.planner import CaseFeedback, plan_agent
from agenthands.planning.user_data import data_complaints, in_bounds, told_data, with_sample, without_sample
from agenthands.planning.validation import PlanningContext
from agenthands.schemas import Plan, Tokens

SCAFFOLDS = {
    "tool_calling_agent": {"llm_name": ("llm", True), "tool_names": ("functions_and_groups", False)},
    "auto_memory_agent": {
        "llm_name": ("llm", True), "memory_name": ("memory", True), "inner_agent_name": ("function", True)
    },
}  # fmt: skip
REALITY = PlanningContext(registry(SCAFFOLDS, ["current_datetime"]), load_catalogue())


class ScriptedPlanner:
    """Gives one answer and remembers what it was asked."""

    name = "scripted/test"

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def ask(self, messages, schema_name, schema):
        self.asked.append(list(messages))
        return ChatAnswer(self.answer, 0.0, Tokens())


@pytest.fixture
def data(tmp_path):
    write_sales(tmp_path / "sales.csv")
    return read_data([str(tmp_path / "sales.csv")], 5)


def planned(**effects):
    return Plan.model_validate({**SALES_PLAN, "custom_tools": [{**SALES_SPEC, "effects": effects}]})


def test_the_planner_is_shown_the_data_and_its_plan_gets_the_sample(data):
    planner = ScriptedPlanner(json.dumps(SALES_PLAN))
    found = plan_agent("a sales desk", planner, replace(REALITY, data=data))
    shown = planner.asked[0][1]["content"]
    assert told_data(data) in shown
    world = found.plan.custom_tools[0].worlds["data_sample"]
    assert world.files == data.world.files
    assert Plan.model_validate_json(found.plan.model_dump_json()) == found.plan
    again = ScriptedPlanner(json.dumps({**SALES_PLAN, "summary": "Sums sales.", "changes": "The summary."}))
    plan_agent("a sales desk", again, replace(REALITY, data=data), (), CaseFeedback(found, {"bonn": "It said 4."}))
    before = next(each["content"] for each in again.asked[0] if each["role"] == "assistant")
    assert "2027-02-05" not in before


def test_the_sample_is_put_in_and_taken_out(data):
    bare = Plan.model_validate(SALES_PLAN)
    full = with_sample(bare, data)
    assert full.custom_tools[0].worlds["none"] == bare.custom_tools[0].worlds["none"]
    assert without_sample(full).custom_tools[0].worlds["data_sample"].files == {}
    assert with_sample(without_sample(full), data) == full
    assert with_sample(bare, None) == bare


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        ({"files": [{"name": "sales"}]}, ""),
        ({"files": [{"name": "sales", "access": "write"}]}, "is read and never changed"),
        ({"databases": [{"name": "sales"}]}, "belongs into effects.files"),
        ({"files": [{"name": "exports"}]}, "none declares the user's data in its effects; there are sales"),
    ],
)
def test_how_data_are_declared_is_checked(data, effects, said):
    found = " | ".join(data_complaints(planned(**effects), data))
    assert said in found
    assert bool(said) == bool(found)


def test_where_the_text_gets_too_long_fewer_rows_are_told(tmp_path):
    header = ",".join(f"column_{number}" for number in range(90))
    row = ",".join(["a long text of a customer that says quite a lot about the goods"] * 90)
    (tmp_path / "wide.csv").write_text("\n".join([header, *[row] * 30]) + "\n")
    path = str(tmp_path / "wide.csv")
    assert in_bounds(lambda rows: read_data([path], rows), 20).rows == 2
    (tmp_path / "many").mkdir()
    for letter in "abcdefgh":
        (tmp_path / "many" / f"{letter}.csv").write_text("\n".join([header, *[row * 2] * 30]) + "\n")
    with pytest.raises(RequestInvalid, match="at most 60,000"):
        in_bounds(lambda rows: read_data([str(tmp_path / "many")], rows), 20)


def test_nothing_but_the_sample_was_recorded_whatever_a_planner_says(data):
    claims = {
        **SALES_SPEC,
        "worlds": {name: {**each, "origin": "recorded"} for name, each in SALES_SPEC["worlds"].items()},
    }
    plan = Plan.model_validate({**SALES_PLAN, "custom_tools": [claims]})
    for given, recorded in ((data, {"data_sample"}), (None, set())):
        (tool,) = with_sample(plan, given).custom_tools
        assert {name for name, world in tool.worlds.items() if world.origin == "recorded"} == recorded
