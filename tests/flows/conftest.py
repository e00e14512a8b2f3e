"""One `agenthands serve` for all tests that need a Prefect server."""

import psutil
import pytest
from served_support import serve


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
