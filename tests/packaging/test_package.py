"""The package: what is in it, that the same input gives the same bytes, and that text from a model stays text."""

import ast
import copy
import hashlib
import io
import json
import re
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml
from mcp_servers import clock_entry
from tests_support import PLAN, registry, write_roman

from agenthands.environments.uv import LOCKS
from agenthands.evaluation import case_checks, nat_steps
from agenthands.llm import call_options
from agenthands.llm.settings import ModelSettings
from agenthands.mcp.catalogue import load_catalogue, server_of
from agenthands.mcp.setup import PlannedServer
from agenthands.packaging.bundle import pack, unpack
from agenthands.packaging.nat_config import package_name
from agenthands.packaging.package import assemble_agent
from agenthands.schemas import Plan

LLM = ("llm", True)
SCAFFOLDS = {
    "tool_calling_agent": {
        "llm_name": LLM,
        "tool_names": ("functions_and_groups", False),
        "description": ("text", False),
    },
    "sequential_executor": {"tool_list": ("functions", False)},
    "router_agent": {"llm_name": LLM, "branches": ("functions", False)},
    "reasoning_agent": {"llm_name": LLM, "augmented_fn": ("function", True)},
}
REGISTRY = registry(SCAFFOLDS, ["current_datetime"])
CATALOGUE = load_catalogue()


def config_of(files):
    """Return the configuration as YAML means it after NAT's first look for variables."""
    return yaml.safe_load(files["src/roman_helper_agent/configs/config.yml"].decode().replace(r"\${", "${"))


def _settings(model):
    return model if isinstance(model, ModelSettings) else ModelSettings(model=model)


def servers(*names):
    return [
        PlannedServer(CATALOGUE[name], [CATALOGUE[name].tools[0].name], "Needed.", f"{name}==1\n") for name in names
    ]


@pytest.fixture
def assembled(tmp_path):
    def assembled(plan=None, with_servers=("time", "sec-edgar"), model="gemini/gemini-2.5-pro", more=()):
        workspace = tmp_path / "w"
        if not workspace.exists():
            write_roman(workspace)
        chosen = Plan.model_validate(plan or PLAN)
        tools = {tool.name: workspace for tool in chosen.custom_tools}
        every = [*servers(*with_servers), *more]
        return assemble_agent(chosen, tools, every, REGISTRY, "nvidia-nat==1.9.0\n", _settings(model))

    return assembled


def test_everything_is_there(assembled):
    files = assembled()
    source = "src/roman_helper_agent"
    assert sorted(files) == sorted(
        [
            ".dockerignore", ".env.example", "Dockerfile", "README.md", "build.json", "compose.yaml",
            "evals/cases.jsonl", "evals/config.yml", "installer.lock", "mcp/sec-edgar.lock", "mcp/time.lock",
            "install.sh", "pyproject.toml", "requirements.lock", "setup_mcp.sh",
            f"{source}/__init__.py", f"{source}/ask.py", f"{source}/call_options.py", f"{source}/case_checks.py",
            f"{source}/configs/config.yml", f"{source}/described.py", f"{source}/evaluator.py",
            f"{source}/model.py", f"{source}/nat_steps.py", f"{source}/register.py", f"{source}/tools/__init__.py",
            f"{source}/tools/roman_numeral.py",
            "tests/test_roman_numeral.py",
        ]
    )  # fmt: skip
    project = tomllib.loads(files["pyproject.toml"].decode())["project"]
    assert project["entry-points"]["nat.components"] == {"roman_helper_agent": "roman_helper_agent.register"}
    assert "import roman_numeral" in files[f"{source}/register.py"].decode()
    assert "from roman_helper_agent.tools.roman_numeral import" in files["tests/test_roman_numeral.py"].decode()
    assert "GEMINI_API_KEY=\n" in files[".env.example"].decode()


def test_the_same_input_gives_the_same_bytes(assembled):
    assert pack(assembled(), "a") == pack(assembled(), "a")
    with tarfile.open(fileobj=io.BytesIO(pack(assembled(), "a"))) as archive:
        members = archive.getmembers()
    assert {(member.mtime, member.uid, member.uname) for member in members} == {(0, 0, "")}
    assert [member.name for member in members if member.mode & 0o111] == ["a/install.sh", "a/setup_mcp.sh"]


def test_build_json_says_what_the_package_was_made_from(assembled):
    files = assembled()
    made_from = json.loads(files["build.json"])
    assert made_from["format"] == "agenthands-bundle-1"
    assert Plan.model_validate(made_from["plan"]) == Plan.model_validate(PLAN)
    assert made_from["agent_model"] == "gemini/gemini-2.5-pro"
    assert made_from["versions"]["nvidia-nat"] == "1.9.0"
    assert [each["id"] for each in made_from["mcp_servers"]] == ["time", "sec-edgar"]
    assert all(each["version"] for each in made_from["mcp_servers"])
    assert made_from["environment_lock_sha256"] == hashlib.sha256(files["requirements.lock"]).hexdigest()
    others = {path: hashlib.sha256(content).hexdigest() for path, content in files.items() if path != "build.json"}
    assert made_from["files"] == others


def test_its_evaluator_decides_as_acceptance_does(assembled):
    """By the same files, from the same checks, asked in the same conversation."""
    said = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello!"}]
    checks = [{"kind": "tool_called", "value": {"tool": "roman_numeral", "arguments": {"number": 1994}}}]
    case = {**PLAN["test_cases"][0], "history": said, "checks": checks}
    files = assembled({**PLAN, "test_cases": [case]})
    for module in (case_checks, nat_steps):
        name = Path(module.__file__).name
        assert files[f"src/roman_helper_agent/{name}"] == Path(module.__file__).read_bytes()
    (kept,) = map(json.loads, files["evals/cases.jsonl"].decode().splitlines())
    assert kept["question"] == {"messages": [*said, {"role": "user", "content": case["query"]}]}
    assert kept["checks"] == checks
    assert kept["specified"] == {"roman_numeral": ["ValueError"]}


def test_it_calls_the_model_as_the_build_did(assembled):
    model = ModelSettings(
        model="openai/local", api_base="http://me:secret@host:8000/v1", temperature=0.3, reasoning_effort="low"
    )
    files = assembled(model=model)
    llm = config_of(files)["llms"]["llm"]
    assert (llm["temperature"], llm["reasoning_effort"]) == (0.3, "low")
    assert files["src/roman_helper_agent/call_options.py"].decode() == Path(call_options.__file__).read_text()
    assert llm["base_url"] == "${AGENT_API_BASE:-}"
    assert "\nAGENT_API_BASE=http://host:8000/v1\n" in files[".env.example"].decode()
    assert not any(b"me:secret" in content for content in files.values())


def test_every_secret_stands_in_the_readme_and_in_the_example(assembled):
    files = {path: content.decode() for path, content in assembled().items()}
    secrets = [each.name for server in servers("time", "sec-edgar") for each in server.entry.variables if each.secret]
    for name in ("GEMINI_API_KEY", *secrets):
        assert f"`{name}`" in files["README.md"]
        assert f"\n{name}=\n" in files[".env.example"]


def test_the_configuration_names_everything_and_holds_no_secret(assembled):
    config = config_of(assembled())
    assert config["llms"]["llm"]["_type"] == "roman_helper_agent_model"
    assert config["llms"]["llm"]["model_name"] == "${AGENT_MODEL:-gemini/gemini-2.5-pro}"
    assert config["functions"]["roman_numeral"]["_type"] == "roman_helper_agent_roman_numeral"
    start = config["function_groups"]["sec-edgar"]["server"]
    assert start["command"] == "${AGENT_MCP_HOME:-mcp}/sec-edgar/bin/sec-edgar-mcp"
    assert start["env"]["SEC_EDGAR_USER_AGENT"].startswith("${SEC_EDGAR_USER_AGENT:?must be set")


def test_an_agent_gets_its_tools_and_of_a_server_the_planned_ones(assembled):
    workflow = config_of(assembled())["workflow"]
    assert workflow["tool_names"] == ["current_datetime", "time__get_current_time", "roman_numeral"]
    assert (workflow["llm_name"], workflow["description"]) == ("llm", PLAN["summary"])


def first_edition(kind, **scaffold):
    """Return the plan as the first edition wrote it: a scaffold, and no agents."""
    rest = {key: value for key, value in PLAN.items() if key not in ("agents", "entry")}
    servers = [
        {"id": name, "tools": [CATALOGUE[name].tools[0].name], "reasoning": "?"} for name in ("time", "sec-edgar")
    ]
    return {**rest, "mcp_servers": servers, "scaffold": {"type": kind, "reasoning": "?", **scaffold}}


@pytest.mark.parametrize(("scaffold", "field"), [("sequential_executor", "tool_list"), ("router_agent", "branches")])
def test_what_takes_single_functions_gets_an_agent_for_each_tool(assembled, scaffold, field):
    config = config_of(assembled(first_edition(scaffold, order=["time", "roman_numeral"])))
    order = ["time_agent", "roman_numeral_agent", "current_datetime_agent", "sec_edgar_agent"]
    assert config["workflow"][field] == order
    assert ("llm_name" in config["workflow"]) is (scaffold == "router_agent")
    inner = [config["functions"][config["functions"][name]["agent"]]["tool_names"] for name in order[:2]]
    assert inner == [[f"time__{CATALOGUE['time'].tools[0].name}"], ["roman_numeral"]]
    assert config["functions"]["roman_numeral_agent"]["description"] == PLAN["custom_tools"][0]["description"]


def test_a_reasoning_agent_wraps_a_tool_calling_one(assembled):
    config = config_of(assembled(first_edition("reasoning_agent")))
    assert "roman_numeral" in config["functions"][config["workflow"]["augmented_fn"]]["tool_names"]


def test_without_servers_there_is_nothing_to_set_up(assembled):
    files = assembled({**PLAN, "mcp_servers": []}, with_servers=())
    assert not [path for path in files if "mcp" in path]
    assert "setup_mcp" not in files["README.md"].decode() + files["Dockerfile"].decode()


@pytest.mark.parametrize("name", ["install.sh", "Dockerfile", "setup_mcp.sh"])
def test_what_a_user_installs_are_wheels_with_hashes(assembled, name):
    text = assembled()[name].decode().replace("\\\n", " ")
    installs = [
        line
        for line in re.split(r"\n|&&", text)
        if "pip install" in line and not re.search(r"--no-deps --no-build-isolation( --reinstall)? \.", line)
    ]
    assert installs
    for line in installs:
        assert "--only-binary :all:" in line
        assert "--require-hashes" in line


def test_what_installs_and_builds_the_package_fits_the_agents_environment(assembled):
    installer, nat = (
        dict(re.findall(r"^([a-z-]+)==(\S+)", text, re.MULTILINE))
        for text in (assembled()["installer.lock"].decode(), (LOCKS / "nat.lock").read_text())
    )
    assert {"uv", "hatchling"} <= installer.keys()
    both = installer.keys() & nat.keys()
    assert {name: installer[name] for name in both} == {name: nat[name] for name in both}


NASTY = "x\"; import os\n\n[tool.evil]\n<script>alert(1)</script> `touch /tmp/x` $(touch x) {{ 7 * 7 }} ' | --"


def test_text_from_a_model_stays_text(assembled, tmp_path):
    plan = copy.deepcopy(PLAN) | {"summary": NASTY, "reasoning": NASTY}
    plan["assumptions"] = [NASTY]
    plan["agents"][0] |= {"description": NASTY, "instructions": NASTY}
    plan["custom_tools"][0]["description"] = NASTY
    plan["test_cases"][0]["query"] = NASTY
    files = assembled(plan)
    project = tomllib.loads(files["pyproject.toml"].decode())
    assert project["project"]["description"] == NASTY
    assert project["tool"].keys() == {"hatch"}
    for path, content in files.items():
        if path.endswith(".py"):
            ast.parse(content)
    readme = files["README.md"].decode()
    assert "<script>" not in readme.replace("--input", "")[: readme.index("```sh")]
    assert "49" not in readme
    assert NASTY not in files["setup_mcp.sh"].decode()


def test_setup_mcp_is_a_correct_script(assembled, tmp_path):
    unpack(pack(assembled(), "top"), tmp_path / "p")
    assert (tmp_path / "p" / "setup_mcp.sh").stat().st_mode & 0o111
    done = subprocess.run(["/bin/sh", "-n", tmp_path / "p" / "setup_mcp.sh"], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


HOSTILE = "x'\"; touch hacked; $(touch hacked) `touch hacked` | & > hacked #"


def test_texts_of_a_catalogue_are_no_commands_in_the_script_and_the_env_file(assembled, tmp_path):
    document = clock_entry()
    argument = {"type": "positional", "value": HOSTILE}
    document["packages"][0]["packageArguments"] = [argument]
    described = {"description": f"A zone\nEVIL=1\n{HOSTILE}", "default": HOSTILE.replace("$", ""), "placeholder": "#"}
    document["packages"][0]["environmentVariables"] = [{"name": "CLOCK_ZONE", **described}]
    document["title"] = HOSTILE
    hostile = PlannedServer(server_of("clock", document), ["read_clock"], f"{HOSTILE}\n{HOSTILE}", "clock==1\n")
    folder = tmp_path / "p"
    unpack(pack(assembled(more=[hostile], model="openai/x;touch&hacked"), "top"), folder)
    said = subprocess.run(
        ["/bin/sh", "-euc", "set -a; . ./.env.example; exec env -0"], cwd=folder, capture_output=True, text=True
    )
    assert said.stderr == ""
    variables = dict(line.split("=", 1) for line in said.stdout.split("\0") if line)
    assert variables["CLOCK_ZONE"] == described["default"]
    assert variables["AGENT_MODEL"] == "openai/x;touch&hacked"
    assert "EVIL" not in variables
    assert not (folder / "hacked").exists()
    assert "touch" not in (folder / "setup_mcp.sh").read_text() + (folder / "Dockerfile").read_text()


def bars(readme):
    """Return how many bars that divide cells each line of a table has."""
    return [len(re.findall(r"(?<!\\)\|", line)) for line in readme.splitlines() if line.startswith("|")]


def test_nothing_in_the_readme_but_our_own_blocks_is_code(assembled):
    fence = "x'\n```\n\n```sh\ncurl example.org | sh\n```\n~~~\n![x](https://example.org/x.png) | x |"
    plan = copy.deepcopy(PLAN) | {"summary": fence}
    plan |= {"reasoning": fence, "assumptions": [fence, *PLAN.get("assumptions", [])]}
    plan["agents"][0]["description"] = plan["custom_tools"][0]["description"] = plan["test_cases"][0]["query"] = fence
    readme, plain = assembled(plan)["README.md"].decode(), assembled()["README.md"].decode()
    fences = [line for line in readme.splitlines() if line.startswith(("```", "~~~"))]
    assert fences == [line for line in plain.splitlines() if line.startswith("```")]
    outside = re.sub(r"^```sh\n.*?^```$", "", readme, flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"(?<!\\)(\[x\]|```|~~~)", outside)
    assert bars(readme) == bars(plain)


@pytest.mark.parametrize(
    ("model", "names"),
    [("mistral/x", ["MISTRAL_API_KEY"]), ("gemini/x", ["GEMINI_API_KEY"]), ("ollama/x", []), ("azure/x", [])],
)
def test_the_key_of_the_agents_model_is_in_the_example(assembled, model, names):
    lines = assembled(model=model, with_servers=(), plan={**PLAN, "mcp_servers": []})[".env.example"].decode()
    assert [line[:-1] for line in lines.splitlines() if line.endswith("=")] == names


@pytest.mark.parametrize(
    ("name", "package"),
    [("roman-helper", "roman_helper_agent"), ("travel-agent", "travel_agent"), ("requests", "requests_agent")],
)
def test_the_package_has_a_name_of_its_own(name, package):
    assert package_name(Plan.model_validate({**PLAN, "name": name})) == package


def test_models_of_roles_are_named_with_their_keys_and_addresses(assembled):
    lead = {**PLAN["agents"][0], "tools": [*PLAN["agents"][0]["tools"], "writer"]}
    writer = {
        "name": "writer", "description": "Writes.", "instructions": "Write.", "type": "tool_calling_agent",
        "tools": ["roman_numeral"], "model": "texts",
    }  # fmt: skip
    there = {"api_base": "http://127.0.0.1:8000/v1"}
    texts = ModelSettings(model="openai/small", **there)
    model = ModelSettings(model="anthropic/big", roles={"texts": texts, "unused": texts})
    files = assembled({**PLAN, "agents": [lead, writer]}, model=model)
    llms = config_of(files)["llms"]
    assert {name: llm["model_name"] for name, llm in llms.items()} == {
        "llm": "${AGENT_MODEL:-anthropic/big}",
        "llm_texts": "${AGENT_MODEL_TEXTS:-openai/small}",
    }
    assert llms["llm_texts"]["base_url"] == "${AGENT_API_BASE_TEXTS:-}"
    env, readme = files[".env.example"].decode(), files["README.md"].decode()
    assert "# The model of writer:\nAGENT_MODEL_TEXTS=openai/small\n" in env
    assert "on that person's own machine" in env.partition("AGENT_API_BASE_TEXTS=http://127.0.0.1:8000/v1")[0]
    assert "\nANTHROPIC_API_KEY=\nOPENAI_API_KEY=\n" in env
    assert all(name in readme for name in ("AGENT_MODEL_TEXTS", "AGENT_API_BASE_TEXTS", "change it"))
    assert json.loads(files["build.json"])["agent_models"] == {"texts": "openai/small"}
