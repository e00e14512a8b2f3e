"""MCP servers in a build: one that cannot be used goes back to the planner, one from npm is packaged and runs.

Everything is real but the model: servers, indexes, sandbox, NAT and Prefect.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml
from gateway_support import free
from patience import patient
from tests_support import PLAN

from agenthands.errors import PlanRefused
from agenthands.evaluation.installed_agent import InstalledAgent
from agenthands.flows.build_agent import build_agent
from agenthands.llm.base import ChatAnswer
from agenthands.llm.budget import MeteredModel
from agenthands.llm.gateway.server import LitellmGateway
from agenthands.llm.scripted import provider as scripted_model
from agenthands.llm.settings import ModelSettings
from agenthands.mcp import catalogue as server_catalogue
from agenthands.mcp.catalogue import load_catalogue
from agenthands.sandbox.base import Command, Limits
from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agenthands.schemas import BuildOptions, BuildRecord, Tokens
from agenthands.tasks import dependencies

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

QUESTION = "Remember that Ada wrote the first program."
ENTITY = {"name": "Ada", "entityType": "person", "observations": ["wrote the first program"]}
AGENT = [
    {
        "when": "Remember",
        "calls": [{"tool": "memory__create_entities", "arguments": {"entities": [ENTITY]}}],
        "answer": "Noted: {{ results[0] }}",
    }
]


def plan(server, tool):
    case = {
        "id": "remember",
        "query": QUESTION,
        "expected_behavior": "It is kept.",
        "checks": [{"kind": "tool_called", "value": f"{server}__{tool}"}, {"kind": "contains", "value": "Ada"}],
    }
    leave = [{"tool": tool, "does": "writes", "asked_for": "remember"}] if tool == "create_entities" else []
    used = [{"id": server, "tools": [tool], "grants": leave, "reasoning": "It keeps facts."}]
    return {
        **PLAN,
        "name": "keeper",
        "builtin_tools": [],
        "custom_tools": [],
        "mcp_servers": used,
        "agents": [{**PLAN["agents"][0], "tools": [server]}],
        "test_cases": [case],
    }


BAD, GOOD = plan("changed", "get_current_time"), plan("memory", "create_entities")


class Planner:
    """Answers in order and remembers what it was asked; as judge of the agent's answers it is content."""

    name = "scripted/keeper"

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def ask(self, messages, schema_name, schema):
        if schema_name == "opinion":
            return ChatAnswer(json.dumps({"passed": True, "reason": "It is kept."}), 0.0, Tokens())
        self.asked.append(list(messages))
        return ChatAnswer(json.dumps(self.answers.pop(0)), 0.25, Tokens(prompt=1, completion=1))


@pytest.fixture(scope="module")
def patched(tmp_path_factory, flows_run_here):
    """A catalogue with a server whose tools changed, and an agent's script."""
    folder = tmp_path_factory.mktemp("servers")
    script = folder / "scripts" / "keeper"
    script.mkdir(parents=True)
    (script / "plan.json").write_text("{}")
    (script / "agent.yaml").write_text(yaml.safe_dump(AGENT))
    entry = json.loads((Path(server_catalogue.__file__).parent / "servers" / "time.json").read_text())
    entry["_meta"]["io.agenthands/catalogue"]["tools_sha256"] = "0" * 64
    (folder / "catalogue").mkdir()
    (folder / "catalogue" / "changed.json").write_text(json.dumps(entry))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scripted_model, "SCRIPTS", folder / "scripts")
        patch.setenv("AGENTHANDS_CATALOGUE", str(folder / "catalogue"))
        yield patch, folder


def build(patched, *answers):
    """Build with a planner that answers so; returns the planner, and the record or the error."""
    patch, folder = patched
    planner = Planner(*answers)
    patch.setattr(dependencies, "planner_for", lambda settings, account: MeteredModel(planner, account))
    store = folder / f"store-{len(answers)}"
    try:
        return planner, build_agent("remember things", BuildOptions(planner="scripted/keeper", store=str(store))), store
    except PlanRefused as error:
        return planner, error, store


@pytest.fixture(scope="module")
def built(patched):
    return build(patched, BAD, GOOD)


def test_the_planner_is_asked_for_another_way_and_the_build_goes_on(built):
    planner, record, _ = built
    assert record.status == "accepted", record.reason
    assert "changed 2026.10.19: its tools are not those that were checked" in planner.asked[1][-1]["content"]
    assert "- changed:" in planner.asked[0][1]["content"]
    assert "- changed:" not in planner.asked[1][1]["content"]
    assert record.cost_usd == 0.5


def test_the_record_keeps_what_was_seen_of_the_server(built):
    _, record, _ = built
    (pin,) = record.mcp_servers
    memory = load_catalogue()["memory"]
    assert (pin.id, pin.package, pin.version) == ("memory", memory.package, memory.version)
    assert pin.tools_sha256 == memory.tools_sha256


def test_a_planner_that_insists_fails_the_build_with_the_servers_reason(patched):
    planner, error, store = build(patched, BAD, BAD, BAD, BAD)
    assert len(planner.asked) == 4
    assert "its tools are not those that were checked" in error.message
    (record,) = store.glob("agents/*/*/build.json")
    record = BuildRecord.model_validate_json(record.read_text())
    assert (record.status, record.tools) == ("failed", [])
    assert "its tools are not those that were checked" in record.reason


@pytest.fixture(scope="module")
def package(built, tmp_path_factory):
    """The published package, unpacked, with its server installed by its own script."""
    _, record, store = built
    folder = tmp_path_factory.mktemp("package")
    bundle = (store / "agents" / "keeper" / record.build_id / "bundle.tar.gz").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(bundle)) as archive:
        archive.extractall(folder, filter="data")
    (top,) = folder.iterdir()
    return top, [setup(top), setup(top)]


def setup(folder):
    """Run setup_mcp.sh where no Node can be found."""
    tools = folder.parent / "path"
    tools.mkdir(exist_ok=True)
    for name in ("sh", "dirname", "cmp", "cp", "rm", "ln", "chmod"):
        if not (tools / name).exists():
            (tools / name).symlink_to(f"/usr/bin/{name}")
    kept = {key: value for key, value in os.environ.items() if key.lower() not in ("path", "pythonpath")}
    variables = {**kept, "PATH": str(tools), "PYTHON": os.path.realpath(sys.executable)}
    return subprocess.run(
        [folder / "setup_mcp.sh"], capture_output=True, text=True, env=variables, timeout=patient(400)
    )


@pytest.mark.long
def test_setup_mcp_installs_the_same_server_and_a_second_run_changes_nothing(package):
    folder, (first, second) = package
    assert (first.returncode, first.stdout) == (0, "memory: installing ...\n"), first.stderr
    assert (second.returncode, second.stdout) == (0, "memory: already installed\n"), second.stderr
    lock = json.loads((folder / "mcp" / "memory.package-lock.json").read_text())
    for path, wanted in lock["packages"].items():
        if path and not wanted.get("optional") and not wanted.get("dev"):
            installed = json.loads((folder / "mcp" / "memory" / path / "package.json").read_text())
            assert installed["version"] == wanted["version"]


@pytest.mark.long
def test_no_index_is_named_in_the_package(package):
    locks = "".join(path.read_text() for path in (package[0] / "mcp").glob("*.*") if path.is_file())
    assert "resolved" not in locks
    assert "registry" not in locks
    assert "--index-url" not in locks


@pytest.fixture(scope="module")
def run(package, nat_environment, tmp_path_factory):
    """Ask the packaged agent with NAT's own command, in a sandbox."""
    from agenthands.environments.uv import UvInstaller

    folder = package[0]
    workspace = tmp_path_factory.mktemp("run")
    UvInstaller(workspace).install_project(folder, workspace / "site")
    config = folder / "src/keeper_agent/configs/config.yml"
    agent = InstalledAgent(workspace, workspace / "site", config, nat_environment, {})

    def run(**variables):
        with LitellmGateway(ModelSettings(model="scripted/keeper")).open(workspace / "s", free()) as gateway:
            model = {"AGENT_MODEL": "openai/agent", "OPENAI_API_BASE": "{model_url}", "OPENAI_API_KEY": gateway.token}
            nat = str(nat_environment.path / "bin" / "nat")
            command = Command(
                [nat, "run", "--config_file", str(agent.config), "--input", QUESTION],
                workspace,
                [nat_environment.path, folder],
                {
                    "PYTHONPATH": str(agent.site),
                    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                    "AGENT_MCP_HOME": str(folder / "mcp"),
                    **model,
                    **variables,
                },
                limits=Limits(seconds=patient(200), memory_bytes=16 * 1024**3),
                network="model",
                model_socket=gateway.socket,
            )
            return BubblewrapSandbox().run(command)

    return run


@pytest.mark.long
def test_the_packaged_agent_uses_the_server_where_its_settings_are_made(run, package):
    result = run(MEMORY_FILE_PATH="/tmp/notes.jsonl")
    assert result.exit_code == 0, result.stderr.decode()[-2000:]
    assert b"wrote the first program" in result.stdout + result.stderr


@pytest.mark.long
@pytest.mark.parametrize("variables", [{}, {"MEMORY_FILE_PATH": ""}])
def test_nat_refuses_to_start_where_a_needed_variable_is_missing_or_empty(run, variables):
    result = run(**variables)
    assert result.exit_code != 0
    assert b"MEMORY_FILE_PATH: must be set, see .env.example" in result.stdout + result.stderr


@pytest.mark.long
def test_the_variable_is_in_the_example_of_the_env_file(package):
    text = (package[0] / ".env.example").read_text()
    assert "\nMEMORY_FILE_PATH=\n" in text
    assert "such as /tmp/memory.jsonl" in text
