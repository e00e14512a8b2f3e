"""Shared by all tests: a home for environments that is kept between runs, no keys, and no network."""

import gc
import os
import signal
import socket
import sys
from pathlib import Path

import pytest
import pytest_timeout
from conftest_paths import TEST_HOME, shared_folder
from patience import patient
from xdist.scheduler import LoadScopeScheduling

# Files of which each takes a quarter of a minute of a core or more, the longest first.
_LONGEST = [
    "test_docker_pool", "test_package_image", "test_many_machines", "test_serving", "test_docs", "test_end_to_end",
    "test_embedded_server", "test_rebuilding", "test_npm", "test_package", "test_real_servers",
    "test_servers_in_a_build", "test_agent_types", "test_batches", "test_agents_that_go_wrong", "test_resuming",
    "test_model_faults", "test_budgets", "test_secrets", "test_endings", "test_cancelling",
]  # fmt: skip
# Files whose tests share nothing that is dear: each test may be run by another process of pytest-xdist.
_APART = {
    "test_resuming", "test_agent_types", "test_budgets", "test_model_faults", "test_endings", "test_own_faults",
    "test_cancelling", "test_arbitration_in_a_build", "test_gate",
}  # fmt: skip
_SERVED = {"test_serving", "test_docs", "test_docker_pool"}  # share one `agenthands serve`
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
# Said once, before the processes of pytest-xdist begin: all of them must put the tests into the same order.
os.environ.setdefault("AGENTHANDS_TESTS_INSTALL", "" if any(TEST_HOME.glob("environments/*/.complete")) else "1")
for name in [name for name in os.environ if name.endswith("_API_KEY")]:
    del os.environ[name]
os.environ.pop("COLUMNS", None)  # pytest-xdist says how wide its terminal is; texts of commands have none to fit


class _ByFile(LoadScopeScheduling):
    """Keeps the tests of a file in one process of pytest-xdist, for what they share, but those of `_APART`.

    pytest-xdist's own `--dist loadgroup` finds no groups with pytest 9.2.
    """

    def _split_scope(self, nodeid):
        stem = Path(nodeid.partition("::")[0]).stem
        return nodeid if stem in _APART else "served" if stem in _SERVED else stem


def pytest_xdist_make_scheduler(config, log):
    return _ByFile(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Import all tests without garbage collection, and leave what they import out of every later one."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items):
    """Mark what needs docker; of what is chosen, put slow files first, that none is left at the end for one process.

    Where NAT's environment is not there, one process installs it with the first file, and the others begin with half of
    the quick files.
    """
    for item in items:
        if "docker" in (*item.fixturenames, *_sandboxes(item)):
            item.add_marker(pytest.mark.images)
    yield
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(item):
        longest = _LONGEST.index(item.path.stem) if item.path.stem in _LONGEST else len(_LONGEST)
        return item.path not in slow, longest, "flows" not in item.path.parts

    items.sort(key=rank)
    if slow and os.environ["AGENTHANDS_TESTS_INSTALL"]:
        first, early = items[0].path, set(sorted({item.path for item in items} - slow)[::2])
        items.sort(key=lambda item: 0 if item.path == first else 1 if item.path in early else 2)


def _sandboxes(item):
    """Return the sandboxes that a test is given as a parameter of the fixtures which ask for one by its name."""
    given = item.callspec.params if hasattr(item, "callspec") else {}
    return [given.get(name) for name in ("sandbox", "bounded")]


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item, settings):
    """Let pytest-timeout wait as long as suits the machine."""
    return pytest_timeout.pytest_timeout_set_timer(item, settings._replace(timeout=patient(settings.timeout)))


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


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory):
    """Variables that name a bare Prefect server: builds that do not test the embedded one are spared its start."""
    from served_support import answers, until
    from shared_server import shared_server

    with shared_server(shared_folder(tmp_path_factory) / "prefect-server") as url:
        until(lambda: answers(url), 200)
        yield {"PREFECT_API_URL": url}


@pytest.fixture(scope="session")
def flows_run_here(prefect_api):
    """Flows that are called in this process run on the bare server."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: prefect_api["PREFECT_API_URL"]}):
        yield


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
