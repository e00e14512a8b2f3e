"""The package as its user has it: every command of its README, from an empty folder on, with NAT's own commands."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from package_support import free_port
from patience import patient
from scripted_server import serve_script
from served_support import until

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def package(tmp_path_factory, fetched_package):
    """The package of a build, installed as its README says; the model is a scripted server. Gives its folder."""
    folder = tmp_path_factory.mktemp("package")
    agent = fetched_package(folder)
    (install,) = blocks(agent, "Install it")
    python = {**os.environ, "PYTHON": os.path.realpath(sys.executable)}  # a machine may have an older one as python3
    done = subprocess.run(
        ["bash", "-euc", install], cwd=agent, capture_output=True, text=True, timeout=patient(800), env=python
    )
    assert done.returncode == 0, done.stderr
    with serve_script("data-report") as model:
        settings = {"AGENT_MODEL": "openai/scripted", "OPENAI_API_BASE": model.url, "OPENAI_API_KEY": "x"}
        (agent / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        yield agent


def blocks(agent, title):
    """Return the commands that stand below a heading of the package's README."""
    text = (agent / "README.md").read_text()
    body = re.split(r"^## ", text.split(f"## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^```sh\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)


def shell(command):
    return ["bash", "-euc", command]


def run(agent, command, folder=None):
    """Run a command of the README, in the package's folder; in another one with the paths that it has then."""
    if folder:
        command = re.sub(r"(?<!\S)(?=(\.venv|src|evals)/)", f"{agent}/", command)
    done = subprocess.run(shell(command), cwd=folder or agent, capture_output=True, text=True, timeout=patient(300))
    assert done.returncode == 0, done.stderr[-3000:]
    return done


@contextmanager
def serving(agent, command, port):
    """Run a command of the README that serves, on a free port instead of its own; returns the port."""
    free = free_port()
    assert f"--port {port}" in command
    command = command.replace(f"--port {port}", f"--port {free}")
    with (agent.parent / f"{port}.log").open("wb") as log, subprocess.Popen(
        shell(f"exec {command}"), cwd=agent, stdout=log, stderr=log, start_new_session=True
    ) as process:  # fmt: skip
        try:
            until(lambda: process.poll() is not None or open_port(free), 120)
            assert process.poll() is None, Path(log.name).read_text()[-3000:]
            yield free
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def open_port(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_answer_alone_is_printed_and_it_is_that_of_the_readme(package, tmp_path):
    (ask,) = blocks(package, "Ask it")
    done = run(package, ask, tmp_path)
    assert (done.stdout, done.stderr) == ("The 3 numbers have the mean 4.0 and reach from 1.0 to 7.0.\n", "")
    assert f"\n    {done.stdout}" in (package / "README.md").read_text()


def test_nats_own_command_answers_too_wherever_it_is_called(package, tmp_path):
    config = "src/data_report_agent/configs/config.yml"
    done = run(package, f".venv/bin/nat run --config_file {config} --input 'What time is it in UTC?'", tmp_path)
    assert "In UTC it is 20" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("scripted/data-report", "'scripted/data-report' names no model that litellm knows: set AGENT_MODEL"),
        ("nobody/knows-it", "'nobody/knows-it' names no model that litellm knows: set AGENT_MODEL"),
        ("", "AGENT_MODEL: must be set, see .env.example"),
    ],
)
def test_a_model_that_cannot_be_used_is_said_at_once(package, model, said):
    (ask,) = blocks(package, "Ask it")
    done = subprocess.run(
        shell(ask), cwd=package, env={**os.environ, "AGENT_MODEL": model}, capture_output=True, text=True,
        timeout=patient(120),
    )  # fmt: skip
    assert done.returncode == 1
    assert said in done.stderr.splitlines()[0]
    assert done.stdout == ""


def test_nothing_is_fetched_while_the_agent_is_loaded(package):
    code = (
        "from nat.runtime.loader import PluginTypes, discover_and_register_plugins\n"
        "discover_and_register_plugins(PluginTypes.CONFIG_OBJECT)\n"
        "from litellm.litellm_core_utils.get_model_cost_map import get_model_cost_map_source_info\n"
        "print(get_model_cost_map_source_info()['is_env_forced'])"
    )
    variables = {name: value for name, value in os.environ.items() if name != "LITELLM_LOCAL_MODEL_COST_MAP"}
    command = [package / ".venv/bin/python", "-c", code]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=patient(120))
    assert done.stdout == "True\n", done.stderr[-3000:]


@pytest.mark.parametrize("title", ["Ask it", "Serve it"])
def test_without_the_key_of_its_model_the_agent_does_not_start_and_names_it(package, title):
    text = blocks(package, title)[0]
    (command,) = [line for line in text.splitlines() if line.startswith(".venv/bin/")]
    missing = "export OPENAI_API_KEY= AGENT_MODEL=openai/gpt-4o\n"
    done = subprocess.run(
        ["bash", "-euc", missing + command], cwd=package, capture_output=True, text=True, timeout=patient(120)
    )
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "openai/gpt-4o needs a key: OPENAI_API_KEY must be set, see .env.example" in said
    assert "AuthenticationError" not in said


def test_nat_serve_answers_as_openais_api_does(package):
    serve, curl, *_ = blocks(package, "Serve it")
    with serving(package, serve, 8000) as port:
        answer = json.loads(run(package, curl.replace(":8000", f":{port}")).stdout)
    assert "The 3 numbers have the mean 4.0" in answer["choices"][0]["message"]["content"]


def test_nat_mcp_serve_offers_the_tools_to_an_mcp_client(package):
    serve = blocks(package, "Serve it")[2]
    with serving(package, serve, 9901) as port:
        tools, result = asyncio.run(call_tool(f"http://localhost:{port}/mcp", "column_summary", [4, 1, 7]))
    assert "column_summary" in tools
    assert json.loads(result)["mean"] == 4.0


async def call_tool(url, name, argument):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async with streamablehttp_client(url) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        tools = (await session.list_tools()).tools
        (parameter,) = next(tool for tool in tools if tool.name == name).inputSchema["properties"]
        result = await session.call_tool(name, {parameter: argument})
        return [tool.name for tool in tools], result.content[0].text


def test_nat_eval_scores_the_plans_test_cases(package, tmp_path):
    *_, evaluate = blocks(package, "Test it")
    run(package, evaluate, tmp_path)
    scored = json.loads((package / "evals/results/checks_output.json").read_text())
    assert scored["average_score"] == 1.0
    reasons = {item["id"]: item["reasoning"] for item in scored["eval_output_items"]}
    assert reasons["summary"]["tools_called"] == ["column_summary"]
    assert [check["passed"] for check in reasons["clock"]["checks"]] == [True, True]


def test_nat_eval_notices_an_agent_that_is_wrong(package):
    cases = package / "evals" / "cases.jsonl"
    kept = cases.read_text()
    cases.write_text(kept.replace("mean 4.0", "mean 5.0"))
    try:
        run(package, blocks(package, "Test it")[-1])
    finally:
        cases.write_text(kept)
    scored = json.loads((package / "evals/results/checks_output.json").read_text())
    assert {item["id"]: item["score"] for item in scored["eval_output_items"]} == {"summary": 0.0, "clock": 1.0}


def test_nat_eval_asks_a_conversation_and_sees_arguments_of_calls(package):
    cases = package / "evals" / "cases.jsonl"
    kept = cases.read_text()
    case = next(each for each in map(json.loads, kept.splitlines()) if each["id"] == "summary")
    said = [{"role": "user", "content": "Good morning."}, {"role": "assistant", "content": "Good morning!"}]
    wanted = {"tool": "column_summary", "arguments": {"values": [4, 1, 7]}, "result": {"mean": 4}}
    case["question"] = {"messages": [*said, {"role": "user", "content": case["question"]}]}
    checks = {"right": wanted, "wrong": wanted | {"arguments": {"values": [4, 1]}}}
    lines = [
        {**case, "id": name, "checks": [{"kind": "tool_called", "value": value}]} for name, value in checks.items()
    ]
    cases.write_text("".join(json.dumps(each) + "\n" for each in lines))
    try:
        run(package, blocks(package, "Test it")[-1])
    finally:
        cases.write_text(kept)
    items = json.loads((package / "evals/results/checks_output.json").read_text())["eval_output_items"]
    found = {item["id"]: (item["score"], item["reasoning"]["reason"]) for item in items}
    assert found == {"right": (1.0, ""), "wrong": (0.0, "wrong_arguments")}, items


def test_the_tools_pass_their_tests(package):
    assert " passed" in run(package, blocks(package, "Test it")[0]).stdout
