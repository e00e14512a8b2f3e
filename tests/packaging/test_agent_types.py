"""Every agent type that a plan may name: packed, installed, loaded by NAT and asked, alone and in a team.

The model is a double that answers in the form that each type demands; which types there are, NAT says.
"""

import json
import re

import pytest
from conftest_paths import TEST_HOME
from gateway_support import free, short_folder
from patience import patient
from pydantic import SecretStr
from scripted_server import serve_model
from tests_support import PLAN, write_roman

from agenthands.environments.nat_registry import read_registry
from agenthands.environments.uv import UvInstaller
from agenthands.errors import ModelUnavailable
from agenthands.evaluation.acceptance import MODEL_CALLS, accept_agent
from agenthands.evaluation.installed_agent import Reach
from agenthands.llm.gateway.server import LitellmGateway
from agenthands.llm.settings import ModelSettings
from agenthands.mcp.catalogue import load_catalogue
from agenthands.mcp.setup import PlannedServer
from agenthands.packaging.bundle import install_bundle, pack
from agenthands.packaging.package import assemble_agent
from agenthands.planning.validation import PlanningContext, validate_plan
from agenthands.schemas import Plan

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROMAN = {"number": 1994}
ZERO = {"number": 0}
# By name, so that a new NAT that adds or loses one is noticed.
PLANNABLE = [
    "chat_completion", "parallel_executor", "react_agent", "reasoning_agent", "rewoo_agent", "router_agent",
    "sequential_executor", "tool_calling_agent",
]  # fmt: skip
OF_THE_FIRST_EDITION = [each for each in PLANNABLE if each != "chat_completion"]
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


@pytest.mark.long
@pytest.mark.parametrize("kind", OF_THE_FIRST_EDITION)
def test_an_agent_of_the_first_edition_uses_its_tool_and_answers(kind, registry, nat_environment, bubblewrap, tmp_path):
    first = {key: value for key, value in PLAN.items() if key not in ("agents", "entry")}
    plan = {**first, "scaffold": {"type": kind, "reasoning": "?", "order": ["roman_numeral"]}}
    accepted, _ = ask(plan, model, registry, nat_environment, bubblewrap, tmp_path)
    assert accepted.passed, (accepted.reason, accepted.cases)


def member(name, kind, tools=(), **more):
    told = "" if kind.endswith("_executor") else f"JOB-{name}: answer {{briefly}}.\nNever guess ${{HOME}}."
    about = f"Does the work of {name}."
    return {"name": name, "description": about, "instructions": told, "type": kind, "tools": list(tools), **more}


ASKED = ["steps", "all", "chooser", "writer", "thinker", "reactor", "planner"]
TEAM = [
    member("lead", "tool_calling_agent", [*ASKED, "add_memory", "get_memory"]),
    member("steps", "sequential_executor", ["numerals", "clock"]),
    member("all", "parallel_executor", ["numerals", "clock"]),
    member("chooser", "router_agent", ["numerals", "clock"]),
    member("writer", "chat_completion", model="texts"),
    member("thinker", "reasoning_agent", ["roman_numeral"]),
    member("reactor", "react_agent", ["roman_numeral", "current_datetime"]),
    member("planner", "rewoo_agent", ["roman_numeral"]),
    member("numerals", "tool_calling_agent", ["roman_numeral"], model="numbers"),
    member("clock", "tool_calling_agent", ["time__get_current_time"]),
]


MODELS = ModelSettings(
    model="openai/double",
    roles={"texts": ModelSettings(model="openai/poet"), "numbers": ModelSettings(model="openai/clerk")},
)


def team_model(call):
    """Answer as the member of the team that asks, whom its instructions show."""
    texts = [str(each.get("content") or "") for each in call["messages"]]
    results = [text for text, each in zip(texts, call["messages"], strict=True) if each["role"] == "tool"]
    asked = next(text for text, each in zip(texts, call["messages"], strict=True) if each["role"] == "user")
    job = (re.findall(r"JOB-(\w+)", "\n".join(texts)) or [""])[0]
    if job == "lead" and not results:
        asked = [(name, {"question": f"Q-{name}: 1994?"}) for name in ASKED]
        return {"content": "", "tool_calls": [*asked, ("add_memory", {"memory": "The user drinks tea at four."})]}
    if job == "lead" and len(results) == len(ASKED) + 1:
        return {"content": "", "tool_calls": [("get_memory", {"query": "Which tea?", "top_k": 3})]}
    if job == "lead":
        return said(" | ".join(results))
    if job == "chooser":
        return said("clock")
    if job == "writer":
        return said(f"writer read <{asked}>")
    if job == "clock":
        return said(f"clock read <{asked}>") if results else model(call)
    return model(call)


def test_a_team_of_all_types_is_asked_by_its_lead_and_everyone_is_told_their_job(
    registry, nat_environment, bubblewrap, tmp_path
):
    builtin = [{"type": name, "reasoning": "?"} for name in ("current_datetime", "add_memory", "get_memory")]
    tool = {**PLAN["custom_tools"][0], "description": "Spells a year as the planner has it; not what the coder wrote."}
    plan = {**PLAN, "builtin_tools": builtin, "custom_tools": [tool], "agents": TEAM, "entry": "lead"}
    roles = dict.fromkeys(("", *MODELS.roles), "a model")
    context = PlanningContext(registry, load_catalogue(), models=roles)
    assert validate_plan(Plan.model_validate(plan), context) == []
    accepted, calls = ask(plan, team_model, registry, nat_environment, bubblewrap, tmp_path)
    answer = accepted.cases[0].answer
    assert accepted.passed, (accepted.reason, accepted.cases)
    told = "\n".join(str(message.get("content")) for call in calls for message in call["messages"])
    assert [
        name for name in (each["name"] for each in TEAM if each["instructions"]) if f"JOB-{name}:" not in told
    ] == []
    assert "answer {briefly}.\nNever guess $ {HOME}." in told, "braces are kept, and no variable is filled in"
    assert "writer read <Q-writer: 1994?>" in answer
    sequence = answer.split(" | ")[0]
    assert "clock read <Q-steps: 1994?" in sequence, "the question goes on to the second"
    assert "MCMXCIV" in sequence, "and so does what the first one answered"
    assert "clock read <Q-chooser: 1994?>" in answer
    offered = {name: tools for call in calls if (tools := described(call)) for name in [job_of(call)]}
    assert {name: offered["lead"][name] for name in ASKED} == {name: f"Does the work of {name}." for name in ASKED}
    assert offered["numerals"]["roman_numeral"] == tool["description"], "a model reads the plan's words"
    assert "The user drinks tea at four." in answer, "what was to be remembered is found"
    assert all(name.endswith("_inner") is False for tools in offered.values() for name in tools)
    reached = {(job_of(call), call["model"]) for call in calls}
    own = {"writer": "poet", "numerals": "clerk"}
    assert reached == {(job, own.get(job, "double")) for job, _ in reached}, "each agent's calls reach its model"
    assert set(own) <= {job for job, _ in reached}
    log = [json.loads(line) for line in (tmp_path / "transcripts" / MODEL_CALLS).read_text().splitlines()]
    assert {(each["role"], each["model"]) for each in log} == {
        ("", "openai/double"), ("texts", "openai/poet"), ("numbers", "openai/clerk"),
    }  # fmt: skip


def described(call):
    return {tool["function"]["name"]: tool["function"]["description"] for tool in call.get("tools", [])}


def job_of(call):
    found = re.findall(r"JOB-(\w+)", "\n".join(str(each.get("content")) for each in call["messages"]))
    return found[0] if found else ""


@pytest.mark.parametrize("kind", [pytest.param("react_agent", marks=pytest.mark.long), "tool_calling_agent"])
def test_a_tools_error_that_the_agent_hides_fails_the_case(kind, registry, nat_environment, bubblewrap, tmp_path):
    """The agent's answer says everything that its checks want."""

    def careless(call):
        texts = [str(each.get("content") or "") for each in call["messages"]]
        if call.get("tools") and "Action Input" not in "".join(texts):
            called = any(each["role"] == "tool" for each in call["messages"])
            return said("It is MCMXCIV.") if called else {"content": "", "tool_calls": [("roman_numeral", ZERO)]}
        if "ValueError" in texts[-1] or "from 1 to 3999" in texts[-1]:
            return said("Thought: I now know the final answer\nFinal Answer: It is MCMXCIV.")
        return {"content": "Thought: I need it.", "tool_calls": [("roman_numeral", ZERO)]}

    accepted, _ = ask(of_type(kind), careless, registry, nat_environment, bubblewrap, tmp_path)
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

    accepted, _ = ask(PLAN, careful, registry, nat_environment, bubblewrap, tmp_path)
    assert accepted.passed, (accepted.reason, accepted.cases)
    assert accepted.cases[0].tools_called.count("roman_numeral") == 2


def of_type(kind):
    return {**PLAN, "agents": [{**PLAN["agents"][0], "type": kind}]}


def ask(values, answers, registry, nat_environment, sandbox, folder):
    """Pack an agent with a tool and a server, install it in `folder`, and run its test case; `answers` is the model.

    Returns the acceptance, and what the model was asked.
    """
    plan, calls = Plan.model_validate(values), []
    entry = load_catalogue()["time"]
    environments = UvInstaller(TEST_HOME)
    server = environments.server(entry.registry, entry.package, entry.version, entry.as_of, entry.shipped)
    planned = PlannedServer(entry, ["get_current_time"], "Time zones.", server.lock)
    tools = {"roman_numeral": write_roman(folder / "tool")}
    files = assemble_agent(plan, tools, [planned], registry, nat_environment.lock, MODELS)
    agent = install_bundle(pack(files, plan.name), plan, [entry], environments, folder)
    assert (agent.environment, agent.servers) == (nat_environment, {"time": server}), "each lock is installed once"

    def answered(call):
        calls.append(call)
        return answers(call)

    with serve_model(answered) as served, short_folder() as short:
        there = {"api_base": served.url, "api_key": SecretStr("x")}
        roles = {role: each.model_copy(update=there) for role, each in MODELS.roles.items()}
        settings = MODELS.model_copy(update={**there, "roles": roles})
        with LitellmGateway(settings).open(short / "model.sock", free()) as gateway:
            accepted = accept_agent(agent, plan.test_cases, sandbox, Reach(gateway), NoJudge(), patient(60))
    return accepted, calls
