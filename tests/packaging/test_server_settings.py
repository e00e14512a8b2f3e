"""What an agent's MCP servers need of their user: in NAT's configuration, `.env.example`, compose.yaml and README."""

import json
import subprocess

import pytest
import yaml
from tests_support import PLAN, registry, write_roman

from agenthands.llm.settings import ModelSettings
from agenthands.mcp.catalogue import load_catalogue
from agenthands.mcp.setup import PlannedServer
from agenthands.packaging.package import assemble_agent
from agenthands.schemas import McpServer, Plan

REGISTRY = registry(
    {"tool_calling_agent": {"llm_name": ("llm", True), "tool_names": ("functions_and_groups", False)}},
    ["current_datetime"],
)
CATALOGUE = load_catalogue()
WRITES = [{"tool": "write_file", "does": "writes", "asked_for": "save | it"}]
READS = {
    "duckdb": {"tools": ["execute_query"], "settings": {"DUCKDB_FOLDER": "/srv/sales", "DUCKDB_FILES": "*.parquet"}},
    "excel": {"tools": ["read_range"]},
    "filesystem": {"tools": ["read_text_file"], "settings": {"FILESYSTEM_FOLDER": "/srv/notes"}},
    "memory": {"tools": ["search_nodes"]},
    "sqlite": {"tools": ["execute_sql"]},
}
MAY_WRITE = READS | {"filesystem": {"tools": ["read_text_file", "write_file"], "grants": WRITES}}


@pytest.fixture
def files(tmp_path):
    """Return the files of a package with these servers, by path."""

    def files(servers):
        wanted = [McpServer.model_validate({"id": name, "reasoning": "?", **each}) for name, each in servers.items()]
        agents = [{**PLAN["agents"][0], "tools": ["roman_numeral", *servers]}]
        plan = Plan.model_validate({**PLAN, "mcp_servers": wanted, "agents": agents})
        planned = [
            PlannedServer(CATALOGUE[each.id], each.tools, "?", "x==1\n", "", each.settings, each.grants)
            for each in wanted
        ]
        if not (tmp_path / "w").exists():
            write_roman(tmp_path / "w")
        tools = {"roman_numeral": tmp_path / "w"}
        return assemble_agent(plan, tools, planned, REGISTRY, "x==1\n", ModelSettings(model="gemini/x"))

    return files


def test_env_example_has_what_is_planned_and_asks_for_the_rest(files):
    text = files(READS)[".env.example"].decode()
    assert "\nDUCKDB_FOLDER=/srv/sales\n" in text
    assert "\nDUCKDB_FILES='*.parquet'\n" in text
    assert "\nFILESYSTEM_FOLDER=/srv/notes\n" in text
    assert "\nEXCEL_FILES_PATH=\n" in text, "a placeholder is no folder of the user's"
    assert "\nSQLITE_PATH=\n" in text
    assert ":memory:" in text.partition("SQLITE_PATH=")[0].splitlines()[-1]
    assert "FASTMCP_CHECK_FOR_UPDATES" not in text, "that is not the user's to choose"


@pytest.mark.parametrize(("servers", "read_only"), [(READS, True), (MAY_WRITE, False)])
def test_a_container_sees_what_its_servers_need_and_no_more(files, servers, read_only):
    service = yaml.safe_load(files(servers)["compose.yaml"])
    agent = service["services"]["agent"]
    mounted = {each["target"]: each for each in agent["volumes"] if isinstance(each, dict)}
    assert set(mounted) == {
        f"${{{name}}}" for name in ("DUCKDB_FOLDER", "EXCEL_FILES_PATH", "FILESYSTEM_FOLDER", "SQLITE_PATH")
    }
    assert mounted["${FILESYSTEM_FOLDER}"]["read_only"] is read_only
    assert mounted["${DUCKDB_FOLDER}"]["read_only"]
    assert mounted["${SQLITE_PATH}"]["source"] == "${SQLITE_PATH:?must be set in .env}"
    assert agent["environment"] == {"MEMORY_FILE_PATH": "/agent/state/memory-memory.jsonl"}
    assert "state:/agent/state" in agent["volumes"]
    assert "state" in service["volumes"]


def test_without_paths_nothing_is_mounted(files):
    service = yaml.safe_load(files({"time": {"tools": ["get_current_time"]}})["compose.yaml"])
    assert not {"volumes", "environment"} & service["services"]["agent"].keys()
    assert "volumes" not in service


def test_the_readme_says_what_the_agent_may_do_and_why(files):
    may, reads = (files(servers)["README.md"].decode() for servers in (MAY_WRITE, READS))
    assert "| writes, because the request says “save \\| it” | `filesystem__write_file` |" in may
    assert "None of its tools of servers does more than read." in reads
    assert "None of its tools" not in may
    assert (
        "| `EXCEL_FILES_PATH` | excel: Folder of the workbooks that the agent may open | it does not start |" in reads
    )
    assert "AGENT_MCP_HOME" in reads
    assert "| `DUCKDB_FOLDER` | duckdb: Folder of the files that the agent may query | /srv/sales |" in reads
    assert "and can only read it" in reads
    assert "Read cell values as rows" in reads, "the tool's own description, as the agent's model reads it"


READ = "import json, sys; from nat.utils.io.yaml_tools import yaml_load; print(json.dumps(yaml_load(sys.argv[1])))"


@pytest.mark.slow
def test_nat_starts_them_as_the_plan_says(files, nat_environment, tmp_path):
    text = files(MAY_WRITE)["src/roman_helper_agent/configs/config.yml"]
    (tmp_path / "config.yml").write_bytes(text)
    needed = {"EXCEL_FILES_PATH": "/srv/books", "SQLITE_PATH": "/srv/a.db", "MEMORY_FILE_PATH": "/srv/m.jsonl",
              "FILESYSTEM_FOLDER": "/srv/notes", "AGENT_MCP_HOME": "/opt/mcp"}  # fmt: skip
    command = [nat_environment.python, "-c", READ, tmp_path / "config.yml"]
    done = subprocess.run(command, capture_output=True, text=True, env=needed)
    groups = json.loads(done.stdout)["function_groups"]
    sql = groups["duckdb"]["server"]["args"][-1]
    assert "SET VARIABLE files = '/srv/sales/*.parquet';" in sql
    assert "''FROM read_parquet" not in sql
    assert groups["duckdb"]["server"]["command"] == "/opt/mcp/duckdb/bin/mcp-server-motherduck"
    assert groups["duckdb"]["server"]["env"]["FASTMCP_CHECK_FOR_UPDATES"] == "off"
    assert groups["excel"]["server"]["env"] == {"EXCEL_FILES_PATH": "/srv/books", "EXCEL_MCP_READ_ONLY": "1"}
    assert groups["filesystem"]["server"]["args"] == ["/srv/notes"]
    done = subprocess.run(command, capture_output=True, text=True, env={**needed, "SQLITE_PATH": ""})
    assert "SQLITE_PATH" in done.stderr
    assert "must be set, see .env.example" in done.stderr
