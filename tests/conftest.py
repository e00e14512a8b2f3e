"""Shared by all tests: a home for environments that is kept between runs, no keys, and no network."""

import os
import signal
import socket
import sys

import pytest
from conftest_paths import TEST_HOME

# Files that take more than two minutes of `make test`, the longest first.
_LONGEST = [
    "test_docker_pool", "test_serving", "test_batches", "test_end_to_end", "test_many_machines", "test_docs",
    "test_package_image", "test_package", "test_resuming", "test_scaffolds", "test_servers_in_a_build",
]  # fmt: skip
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

os.environ.update(
    LITELLM_LOCAL_MODEL_COST_MAP="True",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    DO_NOT_TRACK="1",
    AGENTHANDS_HOME=str(TEST_HOME),
    AGENTHANDS_SERVER_SECONDS="5",  # all tests share one embedded server, and none is left
)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun by a script, in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
for name in [name for name in os.environ if name.endswith("_API_KEY")]:
    del os.environ[name]
os.environ.pop("COLUMNS", None)  # pytest-xdist says how wide its terminal is; texts of commands have none to fit


def pytest_collection_modifyitems(items):
    """Put slow files first, so that no process of pytest-xdist ends with one while the others have nothing left."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(item):
        longest = _LONGEST.index(item.path.stem) if item.path.stem in _LONGEST else len(_LONGEST)
        return item.path not in slow, longest, "flows" not in item.path.parts

    items.sort(key=rank)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Forbid connections beyond this machine from the test process; installers run in processes of their own."""
    connect = socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple) and address[0] not in _LOOPBACK:
            raise PermissionError(f"a test tried to reach {address[0]}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def roman_workspace(tmp_path):
    """A tool workspace that the gate accepts."""
    from tests_support import write_roman

    return write_roman(tmp_path / "workspace")


@pytest.fixture(scope="session")
def nat_environment():
    """The real NAT environment; the first run installs it."""
    from agenthands.environments.uv import UvInstaller

    return UvInstaller(TEST_HOME).nat()


@pytest.fixture
def bubblewrap():
    """The real bubblewrap sandbox."""
    from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox

    sandbox = BubblewrapSandbox()
    sandbox.check()
    return sandbox


@pytest.fixture
def watched_bubblewrap():
    """The real bubblewrap sandbox, bounded by watching alone, as where no cgroup can be made."""
    from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox

    return BubblewrapSandbox(cgroups=False)


_without_docker: list[str] = []


def pytest_terminal_summary(terminalreporter):
    for reason in _without_docker:
        terminalreporter.section("NO TEST OF THE DOCKER SANDBOX WAS RUN", sep="*", red=True, bold=True)
        terminalreporter.line(reason)


@pytest.fixture(scope="session")
def docker():
    """The real docker sandbox. Skips where there is no daemon or no image; the summary says so once, and what helps."""
    from agenthands.errors import SandboxUnavailable
    from agenthands.sandbox.docker.sandbox import DockerSandbox

    try:
        sandbox = DockerSandbox()
        sandbox.check()
    except SandboxUnavailable as error:
        _without_docker.append(f"{error.message} {error.hint}")
        pytest.skip("no docker")
    return sandbox


@pytest.fixture
def ends_without_the_tests(monkeypatch):
    """An error would end the process of the tests at once."""
    monkeypatch.setattr("agenthands.cli.commands.leave", sys.exit)


@pytest.fixture
def agenthands(ends_without_the_tests, monkeypatch, capsys):
    """Run a command in this process; returns its exit code, and what it printed to standard output and error."""

    from agenthands.cli.main import main

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["agenthands", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run
