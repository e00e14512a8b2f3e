"""From a request to a plan: what the planner is asked, which answers are read, and when it is given up."""

import json
import re
from dataclasses import replace

import pytest
from tests_support import PLAN, registry

from agenthands.errors import ContentFiltered, ModelUnavailable, PlanRefused, RequestInvalid
from agenthands.llm.base import ChatAnswer
from agenthands.mcp.catalogue import load_catalogue
from agenthands.planning.objections import ServerFeedback
from agenthands.planning.planner import checked_request, plan_agent, read_plan
from agenthands.planning.validation import PlanningContext
from agenthands.schemas import MAX_REQUEST_CHARACTERS, Tokens, ToolSpec
from agenthands.world.faults import world_faults

LLM = ("llm", True)
SCAFFOLDS = {
    "tool_calling_agent": {"llm_name": LLM, "tool_names": ("functions_and_groups", False)},
    "auto_memory_agent": {"llm_name": LLM, "memory_name": ("memory", True), "inner_agent_name": ("function", True)},
}
REGISTRY = registry(SCAFFOLDS, ["current_datetime"])
REALITY = PlanningContext(REGISTRY, load_catalogue())


class ScriptedPlanner:
    """Answers in order and remembers what it was asked. The model is the only double here."""

    name = "scripted/test"

    def __init__(self, *answers, cost=0.25, by_fallback=()):
        self.answers, self.cost, self.asked, self.by_fallback = list(answers), cost, [], by_fallback

    def ask(self, messages, schema_name, schema):
        self.asked.append((list(messages), schema_name, schema))
        fallback = len(self.asked) in self.by_fallback
        return ChatAnswer(self.answers.pop(0), self.cost, Tokens(prompt=10, completion=5), by_fallback=fallback)


def plan(planner, resolves=lambda _: ""):
    return plan_agent("Roman numerals, please", planner, REALITY, [resolves])


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(PLAN),
        f"```json\n{json.dumps(PLAN, indent=2)}\n```",
        f"Here is the plan you asked for.\n\n```\n{json.dumps(PLAN)}\n```\nIt is small.",
        f"\n  {json.dumps(PLAN)}\n",
    ],
)
def test_plain_and_fenced_json_are_read(text):
    found, complaints = read_plan(text)
    assert (found.name, complaints) == ("roman-helper", [])


@pytest.mark.parametrize(("by_fallback", "part"), [((), False), ((1,), True), ((2,), True)])
def test_a_fallback_has_a_part_in_a_plan_whichever_answer_it_gave(by_fallback, part):
    assert plan(ScriptedPlanner("{}", json.dumps(PLAN), by_fallback=by_fallback)).by_fallback is part


def test_the_first_good_answer_is_taken():
    planner = ScriptedPlanner(json.dumps(PLAN))
    planned = plan(planner)
    assert (planned.plan.name, planned.answers, planned.cost_usd) == ("roman-helper", 1, 0.25)
    messages, name, schema = planner.asked[0]
    assert name == "plan"
    assert schema["properties"].keys() >= {"agents", "entry", "assumptions", "custom_tools", "mcp_servers"}
    assert "Roman numerals, please" in messages[1]["content"]
    assert "tool_calling_agent" in messages[1]["content"]
    assert "auto_memory_agent" not in messages[1]["content"], "nothing can fill its memory"


def test_the_planner_is_taught_worlds_in_few_words():
    planner = ScriptedPlanner(json.dumps(PLAN))
    plan(planner)
    messages, _, schema = planner.asked[0]
    told = messages[0]["content"]
    assert {"effects", "worlds", "examples"} <= schema["$defs"]["ToolSpec"]["properties"].keys()
    assert "network" not in schema["$defs"]["ToolSpec"]["properties"], "a host is declared, with what it answers"
    shown = json.loads(told.partition("```json\n")[2].partition("\n```")[0])
    assert shown["$defs"].keys() == schema["$defs"].keys()
    for part in ("## Custom tools that touch the world", '"fault": "no_answer"', '"turn": 2', "429, then 200"):
        assert part in told
    beside = 450  # an example's tolerance, and kinds of databases
    assert len(told) < 18_031 + 6_100 + beside, "each plan pays for it: it had 18,031 characters before"
    assert "retired" not in schema["properties"], "no plan before it had test cases that it could give up"


def test_the_short_example_of_a_tool_is_one():
    """What the prompt shows is a tool without faults, once its dots are filled in."""
    planner = ScriptedPlanner(json.dumps(PLAN))
    plan(planner)
    shown = planner.asked[0][0][0]["content"].partition("In short:\n\n")[2]
    text = shown[shown.rindex('"effects": {"http"') :].partition("\n\n##")[0]
    get = '{"url": "https://api.rates.example/v1/latest"}'
    text = text.replace('"request": {...}', f'"request": {get}').replace(
        '"response": {"json": {...}}', '"response": {}'
    )
    text = text.replace("}, ...]", "}]")
    spec = ToolSpec.model_validate({**PLAN["custom_tools"][0], **json.loads(f"{{{text}}}")})
    faults = [each for each in world_faults(spec) if "several answers" not in each and "no example" not in each]
    assert faults == []
    assert list(spec.worlds) == ["usual", "busy", "broken", "silent"]


def test_the_planner_sees_the_servers_that_fit_best_first_with_what_they_need():
    planner = ScriptedPlanner(json.dumps(PLAN))
    plan_agent("annual reports, 10-K filings and stock prices", planner, REALITY)
    told = planner.asked[0][0][1]["content"]
    shown = re.findall(r"^- ([a-z0-9-]+): .*\((?:no network|needs the network|reaches the network)", told, re.MULTILINE)
    assert set(shown[:2]) == {"sec-edgar", "yahoo-finance"}
    assert len(shown) <= 6
    others = re.findall(r"^- ([a-z0-9-]+): ", told.partition("Others")[2], re.MULTILINE)
    assert {*shown, *others} == set(REALITY.catalogue)
    assert "(needs the network; setting SEC_EDGAR_USER_AGENT, needed)" in told


def test_the_planner_sees_what_a_tool_does_and_what_was_not_understood():
    planner = ScriptedPlanner(json.dumps(PLAN), json.dumps(PLAN))
    plan_agent("Read and write the files of a folder", planner, REALITY)
    plan_agent("Öğrencilerin dosyalarını düzenle", planner, REALITY)  # noqa: RUF001 - Turkish
    known, unknown = (asked[0][1]["content"] for asked in planner.asked)
    assert "  - write_file [writes]: " in known
    assert "  - read_text_file: " in known
    assert "No word of the request is known" in unknown
    assert "No word of the request is known" not in known
    assert "get_filing" in unknown, "where nothing is understood, all tools are named"
    assert len(unknown) < 31_800, "the servers alone took this before"


def test_exact_complaints_go_back_and_costs_add_up():
    wrong = {**PLAN, "agents": [{**PLAN["agents"][0], "type": "magic_agent"}]}
    planner = ScriptedPlanner("I cannot do this.", json.dumps(wrong), json.dumps(PLAN))
    planned = plan(planner)
    assert (planned.answers, planned.cost_usd, planned.tokens.prompt) == (3, 0.75, 30)
    second, third = planner.asked[1][0], planner.asked[2][0]
    assert "not JSON" in second[-1]["content"]
    assert second[-2] == {"role": "assistant", "content": "I cannot do this."}
    assert "NAT has no such agent; there are tool_calling_agent" in third[-1]["content"]


def test_three_bad_answers_end_with_the_last_one_kept():
    planner = ScriptedPlanner("no", "no!", '{"name": "x"}')
    with pytest.raises(PlanRefused, match="in 3 answers") as caught:
        plan(planner)
    assert caught.value.last_answer == '{"name": "x"}'
    assert caught.value.hint
    assert len(planner.asked) == 3


def test_empty_answers_are_the_models_fault():
    planner = ScriptedPlanner("", "", "")
    with pytest.raises(ModelUnavailable, match="empty") as caught:
        plan(planner)
    assert len(planner.asked) == 2
    assert not caught.value.retryable


def test_an_empty_answer_that_has_a_reason_is_told_with_it():
    class Filtered(ScriptedPlanner):
        def ask(self, messages, schema_name, schema):
            return replace(super().ask(messages, schema_name, schema), fault=ContentFiltered("Refused (SAFETY)."))

    with pytest.raises(ContentFiltered, match="SAFETY"):
        plan(Filtered("", ""))


def test_one_empty_answer_does_not_end_the_planning():
    planner = ScriptedPlanner("", "no plan", "", json.dumps(PLAN))
    with pytest.raises(PlanRefused):
        plan(planner)
    assert plan(ScriptedPlanner("", json.dumps(PLAN))).answers == 2


def test_dependencies_that_do_not_resolve_are_a_complaint():
    planner = ScriptedPlanner(*[json.dumps(PLAN)] * 3)
    with pytest.raises(PlanRefused, match="no such package"):
        plan(planner, lambda _: "no such package")


def test_an_unknown_price_stays_unknown():
    assert plan(ScriptedPlanner(json.dumps(PLAN), cost=None)).cost_usd is None


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "empty"), (" \n", "empty"), ("x" * (MAX_REQUEST_CHARACTERS + 1), "20,001 characters"), ("a\x00b", "control")],
)
def test_bad_requests_are_named(text, message):
    with pytest.raises(RequestInvalid, match=message):
        checked_request(text)


def test_a_long_request_is_accepted_up_to_the_limit():
    assert checked_request(f"  {'x' * MAX_REQUEST_CHARACTERS}\n") == "x" * MAX_REQUEST_CHARACTERS


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "null", '{"name": 1}', "```json\n```", "{"])
def test_nonsense_is_a_complaint_and_no_crash(text):
    found, complaints = read_plan(text)
    assert found is None
    assert complaints


POISONED = {"time": ["mcp_servers: time 1 is poisoned."]}


def with_server(name):
    return json.dumps({**PLAN, "mcp_servers": [{"id": name, "tools": ["get_current_time"], "reasoning": "?"}]})


def without_servers():
    alone = {**PLAN["agents"][0], "tools": ["current_datetime", "roman_numeral"]}
    return json.dumps({**PLAN, "mcp_servers": [], "agents": [alone]})


def objected(*answers):
    """Ask for a plan, and for another one because of its server."""
    planner = ScriptedPlanner(json.dumps(PLAN), *answers)
    first = plan_agent("What time is it?", planner, REALITY)
    objection = ServerFeedback(first, POISONED)
    reality = PlanningContext(REGISTRY, REALITY.catalogue, POISONED)
    return planner, lambda: plan_agent("What time is it?", planner, reality, (), objection)


def test_an_objection_to_a_server_asks_for_another_way_and_adds_up_the_cost():
    planner, ask = objected(without_servers())
    planned = ask()
    assert (planned.plan.mcp_servers, planned.answers, planned.cost_usd) == ([], 2, 0.5)
    _, request, answer, complaint = planner.asked[1][0]
    assert "What time is it?" in request["content"]
    assert "- time:" not in request["content"], "it is not offered again"
    assert "- time:" in planner.asked[0][0][1]["content"]
    assert json.loads(answer["content"])["name"] == PLAN["name"]
    assert "- mcp_servers: time 1 is poisoned." in complaint["content"]


def test_a_planner_that_insists_on_the_server_is_given_up_with_the_servers_reason():
    planner, ask = objected(*[with_server("time")] * 3)
    with pytest.raises(PlanRefused, match="Last complaint: mcp_servers: time 1 is poisoned"):
        ask()
    assert len(planner.asked) == 4
