"""Servers that read only by default: whatever a model writes in a query, files stay as they are. They are real."""

import json
import subprocess
import time

import pytest
from conftest_paths import TEST_HOME
from patience import patient

from agenthands.environments.uv import UvInstaller
from agenthands.mcp import probe_script
from agenthands.mcp.catalogue import load_catalogue

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture
def session(tmp_path):
    """Start a shipped server with these settings; returns a connection to it, and what it lists."""
    started = []

    def session(name, values, reads_only=True):
        entry = load_catalogue()[name]
        environment = UvInstaller(TEST_HOME).server(entry.registry, entry.package, entry.version, entry.as_of, True)
        values = entry.placeholders() | values
        command = [environment.path / "bin" / entry.command[0], *entry.arguments(values)]
        variables = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **entry.started_with(values, reads_only)}
        process = subprocess.Popen(
            command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        started.append(process)
        found = probe_script.Session(process, time.monotonic() + patient(120))
        return found, [tool["name"] for tool in probe_script.tools_of(found)]

    yield session
    for process in started:
        process.kill()
        process.wait()


def called(session, tool, **arguments):
    result = session.ask("tools/call", {"name": tool, "arguments": arguments})
    return bool(result.get("isError")), "\n".join(each.get("text", "") for each in result["content"])


def test_duckdb_reads_the_files_of_its_folder_and_touches_nothing(session, tmp_path):
    (tmp_path / "data").mkdir()
    sales = tmp_path / "data" / "sales.csv"
    sales.write_text("month,eur\n1,10.50\n2,20.25\n")
    (tmp_path / "data" / "more.csv").write_text("month,customer\n3,Ada\n")
    (tmp_path / ".env").write_text("KEY=canary\n")
    duckdb, _ = session("duckdb", {"DUCKDB_FOLDER": str(tmp_path / "data")})
    failed, text = called(duckdb, "execute_query", sql="SELECT sum(eur) AS total, count(*) AS n FROM files")
    assert (failed, json.loads(text)["rows"]) == (False, [["30.75", 3]] if '"30.75"' in text else [[30.75, 3]])
    assert not called(duckdb, "execute_query", sql="SELECT customer FROM files WHERE filename LIKE '%more.csv'")[0]
    for sql in (
        f"COPY (SELECT 1) TO '{sales}'",
        f"COPY (SELECT 1) TO '{tmp_path}/data/new.csv' (USE_TMP_FILE false)",
        f"SELECT * FROM read_text('{tmp_path}/.env')",
        f"ATTACH '{tmp_path}/new.db'",
        "INSTALL httpfs",
        "SELECT * FROM 'https://example.com/a.csv'",
        "SET enable_external_access = true",
    ):
        failed, text = called(duckdb, "execute_query", sql=sql)
        assert failed, (sql, text)
        assert "canary" not in text
    assert sales.read_text() == "month,eur\n1,10.50\n2,20.25\n"
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["more.csv", "sales.csv"]
    assert not (tmp_path / "new.db").exists()


def test_duckdb_starts_where_its_folder_is_empty(session, tmp_path):
    duckdb, _ = session("duckdb", {"DUCKDB_FOLDER": str(tmp_path)})
    failed, text = called(duckdb, "execute_query", sql="SELECT * FROM files")
    assert (failed, json.loads(text)["rows"]) == (False, [])


def test_excel_lists_nothing_that_writes_unless_the_agent_may(session, tmp_path):
    effects = {tool.name: tool.effect for tool in load_catalogue()["excel"].tools}
    for reads_only in (True, False):
        _, listed = session("excel", {"EXCEL_FILES_PATH": str(tmp_path)}, reads_only)
        assert {effects[name] for name in listed} == ({"reads"} if reads_only else {"reads", "writes", "deletes"})
