"""Real MCP servers from PyPI and npm in both sandboxes: started and listed, then used by an agent that NAT runs.

Only the model is a double: it calls the tool that a question names.
"""

import json
import subprocess
from dataclasses import replace

import pytest
from catalogue_support import EVERYTHING
from conftest_paths import TEST_HOME
from gateway_support import free, short_folder
from mcp_servers import made_server
from patience import patient
from scripted_server import serve_model
from tests_support import PLAN
from web_support import serve_text

from agenthands.environments.nat_registry import read_registry
from agenthands.environments.uv import UvInstaller
from agenthands.errors import ModelUnavailable
from agenthands.evaluation.acceptance import MODEL_CALLS, accept_agent
from agenthands.evaluation.installed_agent import Reach
from agenthands.llm.gateway.server import LitellmGateway
from agenthands.llm.settings import ModelSettings
from agenthands.mcp.catalogue import load_catalogue, server_of
from agenthands.mcp.nat_view import view_by_nat, view_complaints
from agenthands.mcp.probe import probe_server, validate_tools
from agenthands.mcp.setup import PlannedServer
from agenthands.packaging.bundle import install_bundle, pack
from agenthands.packaging.package import assemble_agent
from agenthands.sandbox.egress_proxy import EgressProxy
from agenthands.schemas import McpServer, Plan

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(600)]
ADA = {"name": "Ada", "entityType": "person", "observations": ["wrote the first program"]}
USES = {
    "time": ("get_current_time", {"timezone": "UTC"}, "UTC"),
    "git": ("git_log", {"repo_path": "{workspace}/repository", "max_count": 1}, "The first commit"),
    "memory": ("create_entities", {"entities": [ADA]}, "Ada"),
    "filesystem": ("list_directory", {"path": "/tmp"}, "It is"),
    "everything": ("echo", {"message": "as it was said"}, "as it was said"),
}


@pytest.fixture(params=["bubblewrap", "docker"])
def sandbox(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def web():
    with serve_text("the answer") as port:
        yield port


@pytest.fixture(scope="module")
def servers():
    """By id: the entry and its environment, installed."""
    entries = {**load_catalogue(), "everything": server_of("everything", EVERYTHING)}
    environments = UvInstaller(TEST_HOME)
    return {
        name: (
            entries[name],
            environments.server(entry.registry, entry.package, entry.version, entry.as_of, entry.shipped),
        )
        for name in USES
        for entry in [entries[name]]
    }


@pytest.mark.parametrize("name", USES)
def test_a_real_server_starts_and_is_as_the_catalogue_says(name, servers, sandbox, tmp_path):
    entry, environment = servers[name]
    seen = probe_server(entry, environment, sandbox, tmp_path, again=True)
    assert validate_tools(entry, [tool.name for tool in entry.tools], seen) == []
    assert bool(environment.npm_lock) is (entry.registry == "npm")


def test_an_agent_uses_all_of_them(servers, sandbox, nat_environment, tmp_path):
    repository = tmp_path / "repository"
    commit = "git init -q . && git -c user.name=A -c user.email=a@b commit -q --allow-empty -m 'The first commit'"
    repository.mkdir()
    subprocess.run(["bash", "-euc", commit], cwd=repository, check=True)
    plan = Plan.model_validate(
        {
            **PLAN,
            "builtin_tools": [],
            "custom_tools": [],
            "mcp_servers": [{"id": name, "tools": [tool], "reasoning": "?"} for name, (tool, _, _) in USES.items()],
            "agents": [{**PLAN["agents"][0], "tools": list(USES)}],
            "test_cases": [case(name, tool, said) for name, (tool, _, said) in USES.items()],
        }
    )
    offered = {}

    def model(call):
        offered.update({each["function"]["name"]: each["function"] for each in call["tools"]})
        return answer(call, tmp_path)

    accepted = accept(plan, servers, model, (sandbox, nat_environment), tmp_path)
    assert accepted.passed, (accepted.reason, [(each.id, each.error, each.answer) for each in accepted.cases])
    calls = [json.loads(line) for line in (tmp_path / "transcripts" / MODEL_CALLS).read_text().splitlines()]
    assert [call["error"] for call in calls] == [""] * 2 * len(USES)
    for name in USES:
        transcript = json.loads((tmp_path / "transcripts" / f"{name}.json").read_text())
        assert transcript["called"] == ["<workflow>", f"{name}__{USES[name][0]}"]
        assert_as_foreseen(name, servers[name], offered, (sandbox, nat_environment), tmp_path)


def assert_as_foreseen(name, server, offered, places, folder):
    """What the loaded agent's model was offered is what NAT was seen to make of the server before it was loaded."""
    sandbox, nat_environment = places
    entry, environment = server
    tool = USES[name][0]
    probe = probe_server(entry, environment, sandbox, folder)
    view = view_by_nat(entry, [tool], probe, (environment, nat_environment), sandbox, folder)
    assert view_complaints(entry, [tool], probe, view) == []
    (foreseen,) = view.seen
    listed = next(each for each in probe.tools if each["name"] == tool)
    found = offered[f"{name}__{tool}"]
    assert " ".join(found["description"].split()) == " ".join(listed["description"].split())
    assert found["parameters"]["properties"].keys() == foreseen["parameters"]["properties"].keys()
    assert found["description"] == foreseen["description"]


@pytest.mark.parametrize("behaviour", ["good", "dies in a call"])
def test_a_server_that_dies_in_a_call_fails_the_case_and_is_named(behaviour, bubblewrap, nat_environment, tmp_path):
    servers = {"clock": made_server(tmp_path / "environment", behaviour)}
    plan = one_server("clock", "read_clock", "twelve")
    accepted = accept(plan, servers, clock_model, (bubblewrap, nat_environment), tmp_path)
    assert accepted.cases, accepted.reason
    (result,) = accepted.cases
    if behaviour == "good":
        assert accepted.passed, result
    else:
        assert not accepted.passed
        assert "clock__read_clock" in result.error
        assert "no answer within" not in result.error, "it is not the time limit that notices"


@pytest.mark.parametrize("other", ["meets", "dies"])
def test_servers_start_at_once_and_one_that_ends_is_named(other, bubblewrap, nat_environment, tmp_path):
    """Those that meet list their tools only when both have started."""
    (tmp_path / "met").mkdir()
    clock, environment = made_server(tmp_path / "clock", "meets")
    _, others = made_server(tmp_path / "watch", other)
    (others.path / "requirements.lock").write_text("watch==1.2.3\n")
    servers = {"clock": (clock, environment), "watch": (clock.model_copy(update={"id": "watch"}), others)}
    used = [McpServer(id=name, tools=["read_clock"], reasoning="?") for name in servers]
    plan = one_server("clock", "read_clock", "twelve").model_copy(update={"mcp_servers": used})
    plan = plan.model_copy(update={"agents": [plan.agents[0].model_copy(update={"tools": list(servers)})]})
    if other == "dies":
        (tmp_path / "met" / "somebody").touch()
    variables = {"CLOCK_ZONE": str(tmp_path / "met")}
    accepted = accept(plan, servers, clock_model, (bubblewrap, nat_environment), tmp_path, None, variables)
    assert accepted.passed is (other == "meets"), accepted
    assert ("the MCP server watch does not start" in accepted.reason) is (other == "dies")


@pytest.mark.parametrize(("listed", "said"), [(True, "the answer"), (False, "HTTPError403")])
def test_a_server_reaches_the_listed_hosts_and_no_other(listed, said, web, sandbox, nat_environment, tmp_path):
    plan = one_server("clock", "read_clock", said)
    servers = {"clock": made_server(tmp_path / "environment", "fetches")}
    variables = {"CLOCK_ZONE": f"http://127.0.0.1:{web if listed else web + 1}/"}
    with short_folder() as short, EgressProxy([f"127.0.0.1:{web}"]).open(short / "e") as egress:
        accepted = accept(plan, servers, clock_model, (sandbox, nat_environment), tmp_path, egress, variables)
    assert accepted.passed, (accepted.reason, accepted.cases)


def one_server(name, tool, said):
    """Return the plan of an agent with nothing but one server, of which one test case expects something."""
    used = [{"id": name, "tools": [tool], "reasoning": "?"}]
    cases = [case(name, tool, said)]
    nothing = {"builtin_tools": [], "custom_tools": [], "agents": [{**PLAN["agents"][0], "tools": [name]}]}
    return Plan.model_validate({**PLAN, **nothing, "mcp_servers": used, "test_cases": cases})


def clock_model(call):
    """Read the clock, and say what it showed."""
    if call["messages"][-1]["role"] == "tool":
        return {"content": f"It is {call['messages'][-1]['content']}", "tool_calls": []}
    return {"content": "", "tool_calls": [("clock__read_clock", {"zone": "UTC"})]}


def accept(plan, servers, answers, places, folder, egress=None, variables=None):
    """Pack the plan's agent, install it in `folder`, and run its test cases; `answers` is the model."""
    sandbox, nat_environment = places
    used = {server.id: server.tools for server in plan.mcp_servers}
    planned = [
        PlannedServer(entry, used[name], "?", environment.lock, environment.npm_lock)
        for name, (entry, environment) in servers.items()
    ]
    registry = read_registry(nat_environment, sandbox, folder)
    files = assemble_agent(plan, {}, planned, registry, nat_environment.lock, ModelSettings(model="openai/double"))
    made = {environment.lock: environment for entry, environment in servers.values() if entry.package == "clock"}
    entries = [entry for entry, _ in servers.values()]
    agent = install_bundle(pack(files, plan.name), plan, entries, EnvironmentInstaller(made), folder)
    agent = replace(agent, variables={**agent.variables, **(variables or {})})
    with serve_model(answers) as served, short_folder() as short:
        settings = ModelSettings(model="openai/double", api_base=served.url, api_key="x")
        with LitellmGateway(settings).open(short / "model.sock", free()) as gateway:
            return accept_agent(agent, plan.test_cases, sandbox, Reach(gateway, egress), NoJudge(), patient(60))


class EnvironmentInstaller(UvInstaller):
    """The real ones, and those that a test made by hand, by their locks."""

    def __init__(self, made):
        super().__init__(TEST_HOME)
        self.made = made

    def install(self, lock, npm_lock=""):
        return self.made.get(lock) or super().install(lock, npm_lock)


def case(name, tool, said):
    checks = [{"kind": "tool_called", "value": f"{name}__{tool}"}, {"kind": "contains", "value": said}]
    return {"id": name, "query": f"Use {name}.", "expected_behavior": "It does.", "checks": checks}


def answer(call, workspace):
    """Call the tool of the server that the question names, and say what it gave."""
    asked = next(each["content"] for each in reversed(call["messages"]) if each["role"] == "user")
    name = asked.removeprefix("Use ").rstrip(".")
    if call["messages"][-1]["role"] == "tool":
        return {"content": f"It is {call['messages'][-1]['content']}", "tool_calls": []}
    tool, arguments, _ = USES[name]
    filled = json.loads(json.dumps(arguments).replace("{workspace}", str(workspace)))
    return {"content": "", "tool_calls": [(f"{name}__{tool}", filled)]}


class NoJudge:
    name = "none"

    def ask(self, *_):
        raise ModelUnavailable("Nobody is asked for an opinion here.")
