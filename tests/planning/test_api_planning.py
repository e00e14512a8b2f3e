"""The planner chooses operations of described APIs; what they become is compiled, and it answers for what they do."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests_support import registry

from agenthands.llm.base import ChatAnswer
from agenthands.openapi.catalogue import ApiCatalogue
from agenthands.openapi.reading import Source
from agenthands.planning.planner import CaseFeedback, plan_agent
from agenthands.planning.validation import PlanningContext
from agenthands.schemas import Tokens

REGISTRY = registry(
    {"tool_calling_agent": {"llm_name": ("llm", True), "tool_names": ("functions_and_groups", False)}}, []
)
TEXT = (Path(__file__).parents[1] / "openapi" / "descriptions" / "forge.yaml").read_text()
REQUEST = "Questions about the issues of acme/app; file a new issue when I ask"
ISSUE = {"number": 412, "title": "Search fails", "state": "open", "assignee": None}
GET = {
    "name": "issues_get", "reasoning": "One issue.",
    "calls": [{"arguments": {"owner": "acme", "repo": "app", "issue_number": 412}, "answer": ISSUE},
              {"arguments": {"owner": "acme", "repo": "app", "issue_number": 9}, "status": 404}],
}  # fmt: skip
CREATE = {"name": "issues_create", "reasoning": "Files one.", "asked_for": "file a new issue"}


def planned(*operations, tools=None, **more):
    names = tools or [each["name"] for each in operations]
    agent = {
        "name": "desk",
        "description": "Issues.",
        "instructions": "Ask.",
        "type": "tool_calling_agent",
        "tools": names,
    }
    case = {"id": "one", "query": "Who has 412?", "world": "usual", "expected_behavior": "Nobody.",
            "checks": [{"kind": "tool_called", "value": "issues_get"}]}  # fmt: skip
    return {"name": "desk", "summary": "Issues.", "agents": [agent], "entry": "desk", "test_cases": [case],
            "operations": list(operations), "reasoning": "Small.", **more}  # fmt: skip


class Planner:
    """Gives its answers in order, and keeps what it was asked. The model is the only double here."""

    name = "scripted/test"

    def __init__(self, *answers):
        self.answers, self.asked = [json.dumps(each) for each in answers], []

    def ask(self, messages, schema_name, schema):
        self.asked.append((list(messages), schema))
        return ChatAnswer(self.answers.pop(0), 0.1, Tokens(prompt=1, completion=1))


@pytest.fixture(scope="module")
def reality():
    return PlanningContext(REGISTRY, {}, request=REQUEST, apis=ApiCatalogue([Source("forge.yaml", TEXT)]))


def complaints_about(first, reality):
    planner = Planner(first, planned(GET))
    plan_agent(REQUEST, planner, reality)
    return planner.asked[1][0][-1]["content"]


def test_what_is_chosen_becomes_a_tool_with_the_planned_world(reality):
    planner = Planner(planned(GET, CREATE))
    plan = plan_agent(REQUEST, planner, reality).plan
    messages, schema = planner.asked[0]
    assert "issues_create [writes]: POST /repos/{owner}/{repo}/issues of Forge REST API" in messages[1]["content"]
    assert {"operations"} <= schema["properties"].keys()
    assert "world" in schema["$defs"]["TestCase"]["properties"]
    got, made = plan.custom_tools
    assert got.operation.path == "/repos/{owner}/{repo}/issues/{issue_number}"
    assert got.worlds["usual"].http[0].response.json_body == ISSUE
    assert got.examples[0].expected == {"status": 200, "data": ISSUE}
    assert got.examples[1].raises == "LookupError"
    assert made.operation.does == "writes"
    assert plan.tools_to_write() == []


def test_without_descriptions_the_planner_reads_no_word_of_them(reality):
    planner = Planner(planned(GET))
    with pytest.raises(IndexError):
        plan_agent(REQUEST, planner, replace(reality, apis=ApiCatalogue()))
    (_, schema), (messages, _) = planner.asked
    assert "operations" not in schema["properties"]
    assert "descriptions of APIs" not in messages[1]["content"]
    assert "operations.issues_get: there is no such operation" in messages[-1]["content"]


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ({**GET, "name": "issue_get"}, "there is no such operation; the nearest are issues_get"),
        ({**CREATE, "asked_for": ""}, "it is marked [writes]. Leave it out, unless the request asks"),
        ({**CREATE, "asked_for": "close everything"}, "'close everything' is not in the request"),
        ({"name": "issues_delete", "reasoning": "No."}, "it is marked [deletes]"),
        ({**GET, "calls": [{"arguments": {"owner": "acme"}}]}, "calls.1.arguments does not fit the schema"),
        ({**GET, "calls": [{**GET["calls"][0], "answer": {**ISSUE, "number": "412"}}]}, "calls.1.answer.number"),
        ({**GET, "calls": [{"arguments": {**GET["calls"][0]["arguments"], "page": 2}}]}, "there is no page"),
    ],
)
def test_complaints_are_exact(operation, said, reality):
    assert said in complaints_about(planned(operation), reality)


def test_a_tool_that_claims_to_be_compiled_is_not_believed(reality):
    tool = (
        plan_agent(REQUEST, Planner(planned(GET)), reality).plan.custom_tools[0].model_dump(mode="json", by_alias=True)
    )
    tool["operation"]["server"] = "https://elsewhere.example.org"
    planner = Planner(planned(GET, custom_tools=[{**tool, "name": "stolen"}], tools=["issues_get"]))
    assert [each.name for each in plan_agent(REQUEST, planner, reality).plan.custom_tools] == ["issues_get"]


def test_a_repair_shows_the_plan_as_it_was_answered(reality):
    first = plan_agent(REQUEST, Planner(planned(GET)), reality)
    better = planned(GET, changes="It is told more.")
    better["agents"][0]["instructions"] = "Ask issues_get with owner acme and repo app."
    planner = Planner(better)
    plan_agent(REQUEST, planner, reality, objection=CaseFeedback(first, {"one": "answered: who?"}))
    shown = json.loads(planner.asked[0][0][2]["content"])
    assert (shown["custom_tools"], shown["operations"][0]["name"]) == ([], "issues_get")
