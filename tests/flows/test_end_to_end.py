"""One sentence in, a published agent out: real OpenHands, NAT, pytest, bubblewrap, MCP servers and Prefect.

Only the model is scripted. The builds run as a user runs them: as processes of the installed command.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from browser_support import browser
from canaries import ENVIRONMENT, addresses_with_passwords, has_canary, leaks, written_since
from command_support import agenthands
from conftest_paths import TEST_HOME
from gateway_support import free
from patience import patient

from agenthands.evaluation.installed_agent import InstalledAgent
from agenthands.flows.server.embedded import server_folder
from agenthands.llm.gateway.server import LitellmGateway
from agenthands.llm.settings import ModelSettings
from agenthands.sandbox.base import Command, Limits
from agenthands.schemas import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo, once, with keys that it must not show: its store, the finished process, the record that it printed."""
    store, scratch = tmp_path_factory.mktemp("store"), tmp_path_factory.getbasetemp() / "demo-scratch"
    scratch.mkdir()
    variables = {**ENVIRONMENT, "PREFECT_LOGGING_LEVEL": "DEBUG"}
    with addresses_with_passwords(tmp_path_factory.mktemp("catalogue")) as more:
        done = agenthands("demo", "--json", store=store, TMPDIR=str(scratch), **variables, **more)
    assert done.returncode == 0, done.stderr
    return store, done, BuildRecord.model_validate_json(done.stdout)


def published(demo):
    store, _, record = demo
    return store / "agents" / record.plan.name / record.build_id


def test_the_first_lines_say_who_begins_and_that_the_model_is_scripted(demo):
    first, second, *_ = demo[1].stderr.splitlines()
    assert first == "AgentHands is getting ready."
    assert second.startswith("The model is scripted")


def test_the_demo_is_what_the_seed_asked_for(demo):
    record = demo[2]
    assert record.request.request.startswith("I want an agent that can research a company's stock performance")
    assert (len(record.plan.mcp_servers), len(record.plan.custom_tools)) == (3, 2)
    attempts = {tool.name: tool.attempts for tool in record.tools}
    assert attempts == {"stock_performance": 1, "financial_statement_analyzer": 2}
    assert record.status == "accepted"
    assert all(case.passed for case in record.acceptance.cases)
    assert record.cost_usd == 0
    assert record.tokens.prompt > 0
    assert all(len(pin.tools_sha256) == 64 for pin in record.mcp_servers)
    assert [stage.name for stage in record.stages if stage.name != "servers"] == [
        "start", "environment", "plan", "tools", "assemble", "accept", "publish",
    ]  # fmt: skip


def test_the_failed_attempt_and_its_repair_are_kept(demo):
    first, second = (
        json.loads((published(demo) / f"tools/financial_statement_analyzer/gate-{number}.json").read_bytes())
        for number in (1, 2)
    )
    assert (first["accepted"], second["accepted"]) == (False, True)
    assert "revenue_growth_pct" in json.dumps(first)
    events = (published(demo) / "trajectories/financial_statement_analyzer.jsonl").read_text().splitlines()
    kinds = [json.loads(event)["kind"] for event in events]
    assert kinds[0] == "SystemPromptEvent"
    assert kinds.count("MessageEvent") == 2, "the task, and the gate's report in the same conversation"


def test_the_store_holds_what_the_record_says(demo):
    folder, record = published(demo), demo[2]
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "build.json"
    }
    assert found == record.files
    assert (folder.parent / "latest").read_text() == record.build_id
    assert BuildRecord.model_validate_json((folder / "build.json").read_bytes()) == record


def test_no_key_is_in_anything_that_was_written(demo):
    prefect = server_folder(TEST_HOME)
    assert demo[2].build_id.encode() in b"".join(path.read_bytes() for path in prefect.glob("prefect.db*"))
    started = (prefect / "prefect.db").stat().st_ctime - demo[2].seconds - 60
    written = [*demo[0].rglob("*"), *prefect.rglob("*"), *written_since(started)]
    assert leaks(written) == []
    assert not has_canary((demo[1].stderr + demo[1].stdout).encode())


def test_the_coder_never_saw_a_held_out_example(demo):
    spec = json.loads((published(demo) / "tools/stock_performance/spec.json").read_bytes())
    planned = next(tool for tool in demo[2].plan.custom_tools if tool.name == "stock_performance")
    assert len(spec["examples"]) == 6
    assert len(planned.examples) == 9


@pytest.fixture(scope="module")
def opened(demo):
    """The demo's report in Chromium, on a telephone."""
    with browser() as tab:
        tab.open(published(demo) / "report.html", 360)
        yield tab


def test_the_report_loads_nothing_and_fits_a_telephone(demo, opened):
    assert (opened.asked_for(), opened.complaints()) == ([(published(demo) / "report.html").as_uri()], [])
    assert [opened.page_width(), opened.unfold(), opened.page_width()] == [360, None, 360]


def test_the_report_s_links_lead_somewhere_and_its_parts_open_by_keyboard(opened):
    lost = "[...document.querySelectorAll('a')].filter(each => !document.querySelector(each.getAttribute('href')))"
    assert opened.value("document.querySelectorAll('nav a').length") == 10
    assert opened.value(f"{lost}.length") == 0
    opened.unfold(False)
    folded = opened.value("document.querySelectorAll('details').length")
    for number in range(folded):
        opened.value(f"document.querySelectorAll('summary')[{number}].focus()")
        opened.press("Enter", 13)
    assert opened.value("document.querySelectorAll('details[open]').length") == folded > 10


def test_the_report_can_be_printed_with_all_that_is_folded(demo, opened):
    opened.unfold(False)
    sheets = opened.printed()
    assert len(sheets) > 1
    assert "Theagentworks:2toolspassedthegate" in sheets[0]
    code = (published(demo) / "tools/stock_performance/nat_tools/stock_performance.py").read_text()
    assert [line for line in code.splitlines() if "".join(line.split()) not in "".join(sheets)] == []


def test_nothing_is_left_behind(demo, tmp_path_factory):
    from conftest_paths import TEST_HOME

    assert not (TEST_HOME / "work" / demo[2].build_id).exists()
    assert list((tmp_path_factory.getbasetemp() / "demo-scratch").iterdir()) == []


@pytest.fixture(scope="module")
def fetched(demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fetched") / "agent"
    assert agenthands("fetch", "financial-research", str(folder), store=demo[0]).returncode == 0
    return folder


@pytest.fixture
def installed(fetched, nat_environment, tmp_path):
    """The fetched package, installed beside the NAT environment from whose lock it was built."""
    from conftest_paths import TEST_HOME

    from agenthands.environments.uv import UvInstaller

    assert (fetched / "requirements.lock").read_text() == nat_environment.lock
    UvInstaller(TEST_HOME).install_project(fetched, tmp_path / "site")
    config = fetched / "src/financial_research_agent/configs/config.yml"
    return InstalledAgent(tmp_path, tmp_path / "site", config, nat_environment, {})


def nat(agent, bubblewrap, fetched, arguments, gateway=None, mcp=None):
    """Run NAT's own command on the package, as its README says."""
    variables = {
        "PYTHONPATH": str(agent.site),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "SEC_EDGAR_USER_AGENT": "A Test test@example.com",
        "AGENT_MODEL": "openai/agent",
        "OPENAI_API_KEY": "x",
    }
    if gateway:
        variables |= {"OPENAI_API_BASE": "{model_url}", "OPENAI_API_KEY": gateway.token}
    if mcp:
        variables["AGENT_MCP_HOME"] = str(mcp)
    python_home = [mcp] if mcp else []
    return bubblewrap.run(
        Command(
            [str(agent.environment.path / "bin" / "nat"), *arguments],
            agent.workspace,
            [agent.environment.path, fetched, *python_home],
            variables,
            limits=Limits(seconds=patient(200), memory_bytes=16 * 1024**3),
            network="model" if gateway else "none",
            model_socket=gateway.socket if gateway else None,
        )
    )


@pytest.mark.long
def test_nat_validates_the_package(installed, bubblewrap, fetched):
    result = nat(installed, bubblewrap, fetched, ["validate", "--config_file", str(installed.config)])
    assert result.exit_code == 0, result.stderr.decode()[-2000:]
    assert b"valid" in (result.stdout + result.stderr).lower()


@pytest.mark.long
def test_setup_mcp_installs_and_nat_runs_the_agent(installed, bubblewrap, fetched):
    """With uv, as the package's README has it; `test_servers_in_a_build` has pip alone."""
    uv = Path(sys.executable).parent / "uv"
    (fetched / ".venv" / "bin").mkdir(parents=True)
    (fetched / ".venv" / "bin" / "uv").symlink_to(uv)
    for expected in ("installing", "already installed"):
        done = subprocess.run(
            ["./setup_mcp.sh"], cwd=fetched, capture_output=True, text=True, timeout=patient(400),
            env={**os.environ, "PYTHON": os.path.realpath(sys.executable)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.count(expected) == 3, done.stdout
    for lock in (fetched / "mcp").glob("*.lock"):
        wanted = re.findall(r"^([a-z0-9-]+==[^ ;]+)", lock.read_text(), re.MULTILINE)
        listed = [uv, "pip", "list", "--quiet", "--format=freeze", "--python", lock.with_suffix("") / "bin" / "python"]
        frozen = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
        installed_there = {re.sub("[._]", "-", line.lower().partition("==")[0]) + "==" + line.partition("==")[2]
                           for line in frozen.split()}  # fmt: skip
        assert installed_there == set(wanted), lock.name
    with LitellmGateway(ModelSettings(model="scripted/financial-research")).open(
        installed.workspace / "s", free()
    ) as gateway:
        question = "As of now in UTC: a stock fell from 50 to 40 dollars."
        arguments = ["run", "--config_file", str(installed.config), "--input", question]
        result = nat(installed, bubblewrap, fetched, arguments, gateway, fetched / "mcp")
    assert result.exit_code == 0, result.stderr.decode()[-2000:]
    assert b"It changed by -20.0 %" in result.stdout + result.stderr


@pytest.mark.long
def test_the_packaged_tests_pass(installed, bubblewrap, fetched):
    result = bubblewrap.run(
        Command(
            [str(installed.environment.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", str(fetched / "tests")],
            installed.workspace,
            [installed.environment.path, fetched],
            {"PYTHONPATH": str(installed.site), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        )
    )
    assert result.exit_code == 0, result.stdout.decode()[-2000:]
