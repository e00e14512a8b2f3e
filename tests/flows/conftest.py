"""One `agenthands serve` for all tests that need a Prefect server, and a bare server for builds that need just any."""

import os
import sys

import psutil
import pytest
from many_machines import running
from package_support import free_port
from served_support import answers, serve, until


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
    """Variables that name a bare Prefect server: builds that do not test the embedded one are spared its start."""
    port, home = free_port(), str(tmp_path_factory.mktemp("prefect"))
    api = {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
    server = [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"]
    address = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    with running(*server, *address, env={**os.environ, "PREFECT_HOME": home, "PREFECT_UI_ENABLED": "0"}):
        until(lambda: answers(api["PREFECT_API_URL"]), 200)
        yield api
