"""A packed agent that NAT runs in the sandbox is asked its cases: side by side, in conversations, without a network."""

import json
import threading

import pytest
from conftest_paths import TEST_HOME
from gateway_support import free, short_folder
from patience import patient
from scripted_server import serve_model
from tests_support import PLAN, ROMAN_TOOL, write_roman

from agenthands.environments.nat_registry import read_registry
from agenthands.environments.uv import UvInstaller
from agenthands.errors import ModelUnavailable
from agenthands.evaluation.acceptance import accept_agent
from agenthands.evaluation.installed_agent import Reach
from agenthands.llm.gateway.server import LitellmGateway
from agenthands.llm.settings import ModelSettings
from agenthands.packaging.bundle import install_bundle, pack
from agenthands.packaging.package import assemble_agent
from agenthands.reports.view_model import tool_calls
from agenthands.sandbox.egress_proxy import EgressProxy
from agenthands.schemas import Plan

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROMAN = {"tool": "roman_numeral", "arguments": {"number": 1994}, "result": "MCMXCIV"}
WIKI = {"kind": "tool_called", "value": {"tool": "wiki_search", "arguments": {"question": {"regex": "Ada"}}}}
SAID = [{"role": "user", "content": "I like 1994."}, {"role": "assistant", "content": "Why?"}]


def case(name, query, *checks, **more):
    return {"id": name, "query": query, "expected_behavior": "It does.", "checks": list(checks), **more}


CASES = [
    case("one", "Meet: 1994?", {"kind": "tool_called", "value": ROMAN}),
    case("two", "Meet: 1994 again?", {"kind": "tool_called", "value": ROMAN}),
    case("talk", "As a numeral?", {"kind": "contains", "value": "I like 1994. / Why? / As a numeral?"}, history=SAID),
    case("out_of_range", "0?", {"kind": "tool_fails", "value": "roman_numeral"}, {"kind": "contains", "value": "3999"}),
    case("ada", "Who was Ada Lovelace?", WIKI, {"kind": "contains", "value": "1815"}),
    case("careless", "Who was Ada Lovelace? Use the numeral.", WIKI, {"kind": "not_called", "value": "roman_numeral"}),
]  # fmt: skip


AS_OBJECT = ROMAN_TOOL.replace("(data: RomanInput) -> str:", "(data: RomanInput) -> Numeral:").replace(
    "return to_roman(data.number)", "return Numeral(numeral=to_roman(data.number))"
).replace("class RomanConfig", "class Numeral(BaseModel):\n    numeral: str\n\n\nclass RomanConfig")  # fmt: skip


class NoJudge:
    name = "none"

    def ask(self, *_):
        raise ModelUnavailable("Nobody is asked for an opinion here.")


@pytest.fixture(scope="module")
def accepted(nat_environment, tmp_path_factory):
    """The acceptance, and the folder that it left."""
    from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox

    folder, sandbox = tmp_path_factory.mktemp("accept"), BubblewrapSandbox()
    agent = {**PLAN["agents"][0], "tools": ["roman_numeral", "wiki_search"]}
    wiki = [{"type": "wiki_search", "reasoning": "?"}]
    parts = {"agents": [agent], "mcp_servers": [], "builtin_tools": wiki, "test_cases": CASES}
    plan = Plan.model_validate({**PLAN, **parts})
    registry = read_registry(nat_environment, sandbox, folder)
    tools = {"roman_numeral": write_roman(folder / "tool", tool=AS_OBJECT)}
    files = assemble_agent(plan, tools, [], registry, nat_environment.lock, ModelSettings(model="openai/double"))
    installed = install_bundle(pack(files, plan.name), plan, [], UvInstaller(TEST_HOME), folder)
    meeting = threading.Barrier(2, timeout=patient(60))
    proxy = EgressProxy([])
    with (
        serve_model(lambda call: model(call, meeting)) as served,
        short_folder() as short,
        proxy.open(short / "egress.sock") as egress,
    ):
        settings = ModelSettings(model="openai/double", api_base=served.url, api_key="x")
        with LitellmGateway(settings).open(short / "model.sock", free()) as gateway:
            reach = Reach(gateway, egress, closed=True, refused=proxy.refused)
            done = accept_agent(installed, plan.test_cases, sandbox, reach, NoJudge(), patient(60))
    assert {each.id for each in done.cases} == {each["id"] for each in CASES}, done
    return {each.id: each for each in done.cases}, done, folder


def model(call, meeting):
    said = [(each["role"], str(each.get("content"))) for each in call["messages"] if each["role"] != "system"]
    asked = [text for role, text in said if role == "user"][-1]
    results = [text for role, text in said if role == "tool"]
    if not results and asked.startswith("Meet"):
        meeting.wait()
    if asked == "As a numeral?":
        return {"content": " / ".join(text for _, text in said), "tool_calls": []}
    if results and not (asked.endswith("Use the numeral.") and len(results) == 1):
        return {"content": f"It is {results[-1]}", "tool_calls": []}
    if "Ada" in asked and not results:
        return {"content": "", "tool_calls": [("wiki_search", {"question": "Ada Lovelace"})]}
    return {"content": "", "tool_calls": [("roman_numeral", {"number": 0 if asked == "0?" else 1994})]}


def test_cases_of_an_agent_without_servers_are_asked_side_by_side(accepted):
    """The model answers the first questions of two cases only when both were asked."""
    cases, *_ = accepted
    assert (cases["one"].state, cases["two"].state) == ("passed", "passed"), (cases["one"], cases["two"])
    assert cases["one"].tools_called == ["roman_numeral"]


def test_a_result_that_is_an_object_reaches_the_model_as_json(accepted):
    assert accepted[0]["one"].answer == 'It is {"numeral": "MCMXCIV"}'


def test_what_was_said_before_is_asked_as_a_conversation(accepted):
    assert accepted[0]["talk"].state == "passed", accepted[0]["talk"]


def test_a_tool_that_was_meant_to_fail_fails_no_case(accepted):
    assert accepted[0]["out_of_range"].state == "passed", accepted[0]["out_of_range"]


def test_a_case_that_only_lacked_the_network_is_not_tried_and_names_the_host(accepted):
    cases, done, _ = accepted
    assert (cases["ada"].state, cases["ada"].reason_code) == ("not_tried", "network_missing"), cases["ada"]
    assert cases["ada"].hosts == ["en.wikipedia.org"]
    assert cases["careless"].reason_code == "called_unasked"
    assert done.unreached == ["wiki_search"]
    assert (done.passed, done.reason_code) == (False, "cases_failed")


def test_a_transcript_has_typed_calls_and_the_words_of_errors(accepted):
    folder = accepted[2] / "transcripts"
    (call,) = json.loads((folder / "one.json").read_text())["calls"]
    assert (call["arguments"], call["result"]) == ({"number": 1994}, {"numeral": "MCMXCIV"})
    text = (folder / "out_of_range.json").read_text()
    assert json.loads(text)["failed"] == ["roman_numeral"]
    (shown,) = tool_calls(text)
    assert (shown.tool, shown.given) == ("roman_numeral", '{"number": 0}')
    assert "number must be from 1 to 3999" in shown.error
