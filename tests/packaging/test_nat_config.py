"""The NAT configuration as the installed NAT reads it: variables hold anything, foreign text stays text."""

import json
import subprocess

import pytest
import yaml
from mcp_servers import clock_entry
from tests_support import PLAN, registry

from agenthands.llm.settings import ModelSettings
from agenthands.mcp.catalogue import server_of
from agenthands.mcp.setup import PlannedServer
from agenthands.packaging.nat_config import as_yaml, nat_config
from agenthands.schemas import Plan

pytestmark = pytest.mark.slow

LLM = ("llm", True)
SCAFFOLDS = {
    "tool_calling_agent": {"llm_name": LLM, "tool_names": ("functions_and_groups", False), "description": ("text", 0)},
    "router_agent": {"llm_name": LLM, "branches": ("functions", False), "description": ("text", 0)},
}
READ = "import json, sys; from nat.utils.io.yaml_tools import yaml_load; print(json.dumps(yaml_load(sys.argv[1])))"
NASTY = "${SECRET} $(id) ${ \\ ${SECRET:?x} 'a' \"b\": # {{ 1 }} &a *b !!x %y \\"


@pytest.fixture
def read(nat_environment, tmp_path):
    """Return what NAT reads of a plan's configuration with these variables; what it says where it refuses."""

    def read(plan=PLAN, entry=None, **variables):
        server = PlannedServer(entry or server_of("clock", clock_entry()), ["read_clock"], NASTY, "")
        chosen = Plan.model_validate(plan)
        known = registry(SCAFFOLDS, ["current_datetime"])
        config = nat_config(chosen, known, [server], ModelSettings(model="gemini/gemini-2.5-pro"))
        path = tmp_path / "config.yml"
        path.write_text(as_yaml(config))
        command = [nat_environment.python, "-c", READ, path]
        needed = {"CLOCK_KEY": "key", "ZONE": "UTC"}
        environment = {key: value for key, value in {**needed, **variables}.items() if value is not None}
        done = subprocess.run(command, capture_output=True, text=True, env={"SECRET": "canary", **environment})
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr.splitlines()[-1]

    return read


VALUES = ['it\'s "odd": # &a', "12", "null", "", "line\nline: 'x'", " spaced ", "$HOME", "[a, b]", "{a: b}", "ü", "'"]


@pytest.mark.parametrize("value", VALUES)
def test_a_variable_may_hold_it(read, value):
    config = read(CLOCK_KEY=value or "key", CLOCK_ZONE=value, ZONE=value or "UTC", AGENT_MODEL=value)
    server = config["function_groups"]["clock"]["server"]
    assert server["env"] == {"CLOCK_KEY": value or "key", "CLOCK_ZONE": value}
    assert server["args"] == ["--zone", value or "UTC"]
    assert config["llms"]["llm"]["model_name"] == (value or "gemini/gemini-2.5-pro")


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("name", ["CLOCK_KEY", "ZONE"])
def test_a_needed_variable_that_is_missing_or_empty_is_named(read, name, value):
    assert f"{name}: must be set, see .env.example" in read(**{name: value})


@pytest.mark.parametrize("scaffold", SCAFFOLDS)
def test_what_a_model_wrote_is_no_variable_and_no_yaml(read, scaffold):
    tool = {**PLAN["custom_tools"][0], "description": NASTY}
    builtin = {"type": "current_datetime", "reasoning": NASTY}
    text = {"summary": NASTY, "custom_tools": [tool], "builtin_tools": [builtin]}
    first = {key: value for key, value in PLAN.items() if key not in ("agents", "entry")}
    config = read({**first, **text, "scaffold": {"type": scaffold, "reasoning": NASTY}})
    kept = NASTY.replace("${", "$ {").rstrip("\\ ")
    assert config["workflow"]["description"] == kept
    assert config.keys() == {"llms", "functions", "function_groups", "workflow"}
    written = {each["description"] for each in config["functions"].values() if "description" in each}
    assert written == {kept} | ({"Time zones."} if scaffold == "router_agent" else set())
    assert "canary" not in json.dumps(config)


def test_a_text_that_names_a_file_does_not_have_it_read(read, tmp_path):
    (tmp_path / "secret.txt").write_text("canary")
    config = read({**PLAN, "summary": f"file://{tmp_path}/secret.txt"})
    assert config["workflow"]["description"] == f"file: //{tmp_path}/secret.txt"


@pytest.mark.parametrize("word", ["x y", "; touch /tmp/x", "$(id)", "`id`", "'", '"', "a: b # c", "$HOME", "--x={a}"])
def test_an_argument_of_a_catalogue_reaches_the_server_as_it_is(read, word):
    document = clock_entry()
    document["packages"][0]["packageArguments"].append({"type": "positional", "value": word})
    config = read(entry=server_of("clock", document))
    assert config["function_groups"]["clock"]["server"]["args"] == ["--zone", "UTC", word]


def test_nothing_of_it_is_a_variable_for_the_first_time_that_nat_fills_them_in():
    text = as_yaml({"a": "${A:-x}", "b": "it's \\ ${B}"})
    assert "${" not in text.replace(r"\${", "")
    assert yaml.safe_load(text.replace("\\\\", "\\").replace(r"\${", "${")) == {"a": "${A:-x}", "b": "it's \\ ${B}"}
