"""Every scaffold that a plan may name: packed, installed, loaded by NAT and asked, with a tool and an MCP server.

The model is a double that answers in the form that each scaffold demands; which scaffolds there are, NAT says.
"""

import json
import re

import pytest
from conftest_paths import TEST_HOME
from gateway_support import free, short_folder
from patience import patient
from scripted_server import serve_model
from tests_support import PLAN, write_roman

from agenthands.environments.nat_registry import read_registry
from agenthands.environments.uv import UvInstaller
from agenthands.errors import ModelUnavailable
from agenthands.evaluation.acceptance import Reach, accept_agent
from agenthands.llm.gateway.server import LitellmGateway
from agenthands.llm.settings import ModelSettings
from agenthands.mcp.catalogue import load_catalogue
from agenthands.mcp.setup import PlannedServer
from agenthands.packaging.bundle import install_bundle, pack
from agenthands.packaging.package import assemble_agent
from agenthands.schemas import Plan

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROMAN = {"number": 1994}
ZERO = {"number": 0}
# By name, so that a new NAT that adds or loses one is noticed.
PLANNABLE = [
    "parallel_executor", "react_agent", "reasoning_agent", "rewoo_agent", "router_agent", "sequential_executor",
    "tool_calling_agent",
]  # fmt: skip
# The simplest, and the one that answers in words of its own; `make test-rest` asks the others.
QUICK = ("tool_calling_agent", "react_agent")
REWOO = [{"plan": "Convert it.", "evidence": {"placeholder": "#E1", "tool": "roman_numeral", "tool_input": ROMAN}}]


def model(call):
    """Answer as the scaffold that asks demands: with tool calls, with ReAct's words, with ReWOO's plan, a branch."""
    texts = [str(each.get("content") or "") for each in call["messages"]]
    everything = "\n".join(texts)
    offered = [tool["function"]["name"] for tool in call.get("tools", [])]
    results = [text for text, each in zip(texts, call["messages"], strict=True) if each["role"] == "tool"]
    if offered and "Action Input" in everything and "MCMXCIV" in texts[-1]:  # ReAct reads results in its own words
        return said("Thought: I now know the final answer\nFinal Answer: It is MCMXCIV.")
    if offered and not results:
        wanted = next(
            name for name in ("roman_numeral", "time__get_current_time", "current_datetime") if name in offered
        )
        arguments = {"roman_numeral": ROMAN, "time__get_current_time": {"timezone": "UTC"}}.get(wanted, {"unused": ""})
        return {"content": "", "tool_calls": [(wanted, arguments)]}
    if offered:
        asked = [text for text, each in zip(texts, call["messages"], strict=True) if each["role"] == "user"]
        return said(f"{asked[-1]} It is {results[-1]}.")  # what was said before goes on through an executor
    if "Router Agent" in everything:
        return said("roman_numeral_agent")
    if "make plans that can solve the problem" in everything:
        return said(json.dumps(REWOO))
    if "Action Input" in everything and "Observation: M" not in everything and "MCMXCIV" not in texts[-1]:
        return said(f"Thought: I need it.\nAction: roman_numeral\nAction Input: {json.dumps(ROMAN)}\n")
    if "Action Input" in everything:
        return said("Thought: I now know the final answer\nFinal Answer: It is MCMXCIV.")
    if "detailed execution plan" in everything:
        return said("1. Call roman_numeral with 1994.")
    return said("It is " + (re.findall("[MDCLXVI]{4,}", everything) or ["unknown"])[-1])


def said(text):
    return {"content": text, "tool_calls": []}


class NoJudge:
    name = "none"

    def ask(self, *_):
        raise ModelUnavailable("Nobody is asked for an opinion here.")


@pytest.fixture(scope="module")
def registry(nat_environment, tmp_path_factory):
    from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox

    return read_registry(nat_environment, BubblewrapSandbox(), tmp_path_factory.mktemp("registry"))


def test_the_list_is_what_nat_says_and_each_of_the_others_has_a_reason(registry):
    assert list(registry.plannable_agent_types()) == PLANNABLE
    assert all(registry.plannable_agent_types().values())
    others = {name: registry.why_not(name) for name in registry.scaffolds if name not in PLANNABLE}
    assert others == {
        "auto_memory_agent": "it needs a memory provider, and none is installed",
        "per_user_react_agent": "each session of it needs a user's identity, which requests to `nat serve` lack",
        "prompt_init": "it needs system_objective",
        "prompt_recombiner": "it needs system_objective",
        "responses_api_agent": "it speaks OpenAI's Responses API, which the model gateway does not offer",
    }


@pytest.mark.parametrize(
    "scaffold", [each if each in QUICK else pytest.param(each, marks=pytest.mark.long) for each in PLANNABLE]
)
def test_an_agent_of_each_scaffold_uses_its_tool_and_answers(scaffold, registry, nat_environment, bubblewrap, tmp_path):
    accepted = ask(scaffold, model, registry, nat_environment, bubblewrap, tmp_path)
    assert accepted.passed, (accepted.reason, accepted.cases)


@pytest.mark.parametrize("scaffold", ["react_agent", "tool_calling_agent"])
def test_a_tools_error_that_the_scaffold_hides_fails_the_case(
    scaffold, registry, nat_environment, bubblewrap, tmp_path
):
    """The agent's answer says everything that its checks want."""

    def careless(call):
        texts = [str(each.get("content") or "") for each in call["messages"]]
        if call.get("tools") and "Action Input" not in "".join(texts):
            called = any(each["role"] == "tool" for each in call["messages"])
            return said("It is MCMXCIV.") if called else {"content": "", "tool_calls": [("roman_numeral", ZERO)]}
        if "ValueError" in texts[-1] or "from 1 to 3999" in texts[-1]:
            return said("Thought: I now know the final answer\nFinal Answer: It is MCMXCIV.")
        return {"content": "Thought: I need it.", "tool_calls": [("roman_numeral", ZERO)]}

    accepted = ask(scaffold, careless, registry, nat_environment, bubblewrap, tmp_path)
    (result,) = accepted.cases
    assert [check.passed for check in result.checks] == [True, True], (result, accepted.reason)
    assert not result.passed
    assert result.error == "a tool failed and the agent went on: roman_numeral"


def test_a_tools_error_from_which_the_agent_recovers_fails_nothing(registry, nat_environment, bubblewrap, tmp_path):
    def careful(call):
        results = [str(each["content"]) for each in call["messages"] if each["role"] == "tool"]
        if not call.get("tools") or len(results) == 2:
            return said(f"It is {(results or ['?'])[-1]}.")
        return {"content": "", "tool_calls": [("roman_numeral", ROMAN if results else ZERO)]}

    accepted = ask("tool_calling_agent", careful, registry, nat_environment, bubblewrap, tmp_path)
    assert accepted.passed, (accepted.reason, accepted.cases)
    assert accepted.cases[0].tools_called.count("roman_numeral") == 2


def ask(scaffold, answers, registry, nat_environment, sandbox, folder):
    """Pack an agent with a tool and a server, install it in `folder`, and run its test case; `answers` is the model."""
    plan = Plan.model_validate({**PLAN, "scaffold": {"type": scaffold, "reasoning": "?", "order": ["roman_numeral"]}})
    entry = load_catalogue()["time"]
    environments = UvInstaller(TEST_HOME)
    server = environments.server(entry.registry, entry.package, entry.version, entry.as_of, entry.shipped)
    planned = PlannedServer(entry, ["get_current_time"], "Time zones.", server.lock)
    tools = {"roman_numeral": write_roman(folder / "tool")}
    files = assemble_agent(plan, tools, [planned], registry, nat_environment.lock, ModelSettings(model="openai/double"))
    agent = install_bundle(pack(files, plan.name), plan, [entry], environments, folder)
    assert (agent.environment, agent.servers) == (nat_environment, {"time": server}), "each lock is installed once"
    with serve_model(answers) as served, short_folder() as short:
        settings = ModelSettings(model="openai/double", api_base=served.url, api_key="x")
        with LitellmGateway(settings).open(short / "model.sock", free()) as gateway:
            return accept_agent(agent, plan.test_cases, sandbox, Reach(gateway), NoJudge(), patient(60))
