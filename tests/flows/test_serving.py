"""`agenthands serve`: server, deployment and worker together, as a user runs them, and as Prefect's UI asks them."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from served_support import until

from agenthands.models import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
COMMAND = str(Path(sys.executable).parent / "agenthands")


@pytest.fixture
def served(tmp_path):
    """`agenthands serve` on a free port, with a Prefect home of its own; ended as a user ends it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [COMMAND, "serve", "--port", str(port)],
        env={**os.environ, "PREFECT_HOME": str(tmp_path / "prefect"), "AGENTHANDS_STORE": str(tmp_path / "store")},
        stderr=subprocess.PIPE,
        text=True,
    )
    seen = []
    for line in process.stderr:
        seen.append(line)
        if line.startswith("Build:"):
            break
    assert process.poll() is None, "".join(seen)
    children = psutil.Process(process.pid).children(recursive=True)
    yield f"http://127.0.0.1:{port}/api"
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def created(url, body):
    """Ask for a run, and again where SQLite was too busy."""
    answer = httpx.post(url, json=body, timeout=30)
    assert answer.is_success or answer.status_code == 503, answer.text
    return answer.json().get("id")


def test_serve_takes_a_run_of_its_deployment(served, tmp_path):
    """A run that is asked for through Prefect's API, as the UI does it, ends accepted with its tools as runs."""
    deployment = None
    deadline = time.monotonic() + 60
    while deployment is None and time.monotonic() < deadline:
        found = httpx.get(f"{served}/deployments/name/build-agent/default")
        deployment = found.json()["id"] if found.is_success else time.sleep(1)
    options = {"planner": "scripted/data-report"}
    body = {"parameters": {"request": "a report", "options": options}}
    wrong = httpx.post(f"{served}/deployments/{deployment}/create_flow_run", json={"parameters": {"request": 7}})
    assert wrong.status_code in (409, 422)
    run = until(lambda: created(f"{served}/deployments/{deployment}/create_flow_run", body))
    deadline = time.monotonic() + 240
    state = ""
    while state not in ("COMPLETED", "FAILED", "CRASHED") and time.monotonic() < deadline:
        time.sleep(2)
        state = httpx.get(f"{served}/flow_runs/{run}").json()["state_type"]
    assert state == "COMPLETED"
    (record,) = (tmp_path / "store" / "agents" / "data-report").glob("*/build.json")
    assert BuildRecord.model_validate_json(record.read_bytes()).status == "accepted"
    names = {each["name"] for each in httpx.post(f"{served}/flow_runs/filter", json={}).json()}
    assert "build-column_summary" in names
