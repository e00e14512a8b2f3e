"""The finished agent, as its README runs it, calls a strict provider exactly as it did through acceptance's gateway."""

import json
import os
import socket
import subprocess
import time
from contextlib import contextmanager

import httpx
import pytest
from conftest_paths import TEST_HOME
from gateway_support import free, short_folder
from package_support import free_port
from patience import patient
from providers.roster import NAMED, ROSTER
from providers.shared import Wish
from tests_support import PLAN, registry, write_roman

from agenthands.environments.uv import UvInstaller
from agenthands.evaluation.acceptance import accept_agent
from agenthands.evaluation.installed_agent import Reach
from agenthands.llm.base import ChatAnswer
from agenthands.llm.gateway.server import LitellmGateway
from agenthands.llm.settings import key_names
from agenthands.packaging.bundle import install_bundle, pack
from agenthands.packaging.package import assemble_agent
from agenthands.schemas import Plan, Tokens

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(300)]
AGENT = {"tool_calling_agent": {"llm_name": ("llm", True), "tool_names": ("functions_and_groups", False)}}
# What says how a call is made, in the protocols of all providers; not what is said in it.
HOW = (
    "model", "temperature", "max_tokens", "max_completion_tokens", "reasoning_effort", "thinking", "output_config",
    "generationConfig", "options", "think", "stop", "top_p",
)  # fmt: skip


def roman(asked):
    """Call the tool twice at once, then say what it said."""
    if not asked.results:
        return Wish(calls=[("roman_numeral", {"number": 1994}), ("roman_numeral", {"number": 4})], thoughts=200)
    return Wish(f"It is MCMXCIV: {' '.join(asked.results)}", thoughts=200)


class NoJudge:
    """A judge without an opinion."""

    name = "none"

    def ask(self, *_):
        return ChatAnswer("", 0.0, Tokens())


def how(body):
    return {name: body[name] for name in HOW if name in body}


@pytest.mark.parametrize("member", ROSTER, ids=str)
def test_it_is_called_as_it_was_accepted(member, nat_environment, bubblewrap, tmp_path):
    if member.id == "plain-refusing":
        pytest.skip("as plain: an agent sends no response_format")
    effort = {"reasoning_effort": "medium"} if member.id in ("claude-4.5", "gpt-5.1") else {}
    alone = {**PLAN["agents"][0], "tools": ["current_datetime", "roman_numeral"]}
    plan = Plan.model_validate({**PLAN, "mcp_servers": [], "agents": [alone]})
    tools = {"roman_numeral": write_roman(tmp_path / "tool")}
    with member.opened(roman) as provider, short_folder() as short:
        settings = member.settings(provider, **effort)
        files = assemble_agent(plan, tools, [], registry(AGENT, ["current_datetime"]), nat_environment.lock, settings)
        agent = install_bundle(pack(files, plan.name), plan, [], UvInstaller(TEST_HOME), tmp_path)
        with LitellmGateway(settings).open(short / "model.sock", free()) as gateway:
            accepted = accept_agent(agent, plan.test_cases[:1], bubblewrap, Reach(gateway), NoJudge(), patient(60))
        assert accepted.cases[0].answer.startswith("It is MCMXCIV"), (accepted, provider.refusals)
        in_acceptance = [how(body) for body in provider.bodies if "messages" in body or "contents" in body]
        provider.bodies.clear()
        said = run(agent, member, provider)
        assert "It is MCMXCIV" in said.stdout + said.stderr, (said.stderr[-3000:], provider.refusals)
        in_package = [how(body) for body in provider.bodies if "messages" in body or "contents" in body]
        with served(agent, member, provider) as url:
            for stream in (False, True):
                provider.bodies.clear()
                assert "It is MCMXCIV" in asked_at(url, stream), provider.refusals
                in_service = [how(body) for body in provider.bodies if "messages" in body or "contents" in body]
                assert in_service == in_acceptance, f"stream: {stream}"
    assert provider.refusals == []
    assert in_package == in_acceptance
    if member.id == "gemini-3":
        assert provider.lost == 0, "every signature came back, on both ways"


REACT = {"react_agent": {**AGENT["tool_calling_agent"], "use_native_tool_calling": ("other", False)}}


@pytest.mark.parametrize("name", ["o3", "claude-4.5"])
def test_a_react_agent_shows_its_model_the_schemas_of_its_tools(name, nat_environment, bubblewrap, tmp_path):
    def reacting(asked):
        if "MCMXCIV" in asked.text:
            return Wish("Thought: I now know the final answer\nFinal Answer: It is MCMXCIV.")
        return Wish("Thought: **I need it.**", [("roman_numeral", {"number": 1994})])

    member = NAMED[name]
    reacts = {**PLAN["agents"][0], "type": "react_agent", "tools": ["current_datetime", "roman_numeral"]}
    plan = Plan.model_validate({**PLAN, "mcp_servers": [], "agents": [reacts]})
    tools = {"roman_numeral": write_roman(tmp_path / "tool")}
    with member.opened(reacting) as provider, short_folder() as short:
        settings = member.settings(provider)
        files = assemble_agent(plan, tools, [], registry(REACT, ["current_datetime"]), nat_environment.lock, settings)
        agent = install_bundle(pack(files, plan.name), plan, [], UvInstaller(TEST_HOME), tmp_path)
        with LitellmGateway(settings).open(short / "model.sock", free()) as gateway:
            accepted = accept_agent(agent, plan.test_cases[:1], bubblewrap, Reach(gateway), NoJudge(), patient(60))
    assert accepted.cases[0].answer == "It is MCMXCIV.", accepted
    assert provider.refusals == []
    assert [each.tools for each in provider.asked] == [["current_datetime", "roman_numeral"]] * 2


def environment_of(agent, member, provider):
    """Return the variables of the agent's .env, after a look at them, and what NAT's environment needs."""
    values = dict(
        line.partition("=")[::2] for line in (agent.workspace / "package" / ".env.example").read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )  # fmt: skip
    assert values["AGENT_MODEL"] == member.model
    assert values["AGENT_API_BASE"] == provider.url + member.below
    keys = {name: "k" for name in key_names(member.model)[:1]}
    return {**os.environ, **values, **keys, "PYTHONPATH": str(agent.site)}


def run(agent, member, provider):
    """Run the agent as README says, in NAT's environment."""
    command = [agent.environment.path / "bin" / "nat", "run", "--config_file", agent.config, "--input", "1994 and 4?"]
    environment = environment_of(agent, member, provider)
    return subprocess.run(command, capture_output=True, text=True, timeout=patient(120), env=environment)


@contextmanager
def served(agent, member, provider):
    """Serve the agent as README says; yields its address."""
    port = free_port()
    command = [agent.environment.path / "bin" / "nat", "serve", "--config_file", agent.config, "--port", str(port)]
    log = agent.workspace / "serve.log"
    with (
        log.open("w") as said,
        subprocess.Popen(command, stdout=said, stderr=said, env=environment_of(agent, member, provider)) as process,
    ):
        try:
            deadline = time.monotonic() + patient(90)
            while not answers(port):
                assert process.poll() is None, log.read_text()[-3000:]
                assert time.monotonic() < deadline, log.read_text()[-3000:]
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/v1/chat/completions"
        finally:
            process.terminate()


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def asked_at(url, stream):
    """Return what a client of OpenAI's API is answered, put together from its events where it is streamed."""
    body = {"messages": [{"role": "user", "content": "1994 and 4?"}], "stream": stream}
    answer = httpx.post(url, json=body, timeout=patient(60))
    assert answer.status_code == 200, answer.text
    if not stream:
        return answer.json()["choices"][0]["message"]["content"]
    chunks = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk.get("choices", ()))


def test_every_family_is_there():
    assert {"gemini-3", "claude-4.5", "o3", "ollama"} <= NAMED.keys()
