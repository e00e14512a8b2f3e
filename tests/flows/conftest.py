"""One `agenthands serve` for all tests that need a Prefect server, and a bare server for builds that need just any."""

import os
import subprocess
import sys

import psutil
import pytest
from many_machines import running
from package_support import built_package, free_port
from scripted_server import serve_script
from served_support import BIN, answers, serve, until


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """A server, the deployments and a worker; in the end a user's interrupt must end them all."""
    with serve(tmp_path_factory.mktemp("served")) as served:
        yield served
        family = psutil.Process(served.pid).children(recursive=True)
        assert any("worker" in each.cmdline() for each in family)
    assert served.exit_code == 130
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory):
    """Variables that name a bare Prefect server: builds that do not test the embedded one are spared its start.

    Its writers to SQLite wait for each other, as those of the embedded one do.
    """
    port, home = free_port(), str(tmp_path_factory.mktemp("prefect"))
    api = {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
    server = [sys.executable, "-m", "uvicorn", "--factory", "agenthands.flows.server.app:create_app"]
    address = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    with running(*server, *address, env={**os.environ, "PREFECT_HOME": home, "PREFECT_UI_ENABLED": "0"}):
        until(lambda: answers(api["PREFECT_API_URL"]), 200)
        yield api


@pytest.fixture
def model():
    """The script data-report as a server, which knows what it was asked."""
    with serve_script("data-report") as asked:
        yield asked


@pytest.fixture
def start_build(model, tmp_path, prefect_api):
    """Start a build by that model as a user does, on the bare server; its store is in tmp_path, its output in pipes."""

    def start(*options, command="build"):
        command = [BIN / "agenthands", command, "a report", "--planner", "openai/scripted", "--api-base", model.url]
        variables = {**os.environ, **prefect_api, "AGENTHANDS_STORE": str(tmp_path / "store"), "OPENAI_API_KEY": "x"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([*command, *options], env=variables, **pipes)

    return start


@pytest.fixture(scope="session")
def fetched_package(tmp_path_factory, prefect_api):
    """Fetch the package of one build, which the first process of a test run makes for all of them, into a folder."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return lambda folder: built_package(shared, folder, prefect_api)
