"""The sandboxes and stores that must keep a contract, and runs in them."""

import uuid

import pytest
from s3_support import make_bucket, moto, seaweed, variables
from sandbox_support import Entered, ended, runner, sh

from agenthands.errors import SandboxUnavailable
from agenthands.sandbox.registry import SANDBOXES
from agenthands.settings import Settings


@pytest.fixture
def entered_bubblewrap(bubblewrap):
    return Entered(bubblewrap)


@pytest.fixture
def entered_watched_bubblewrap(watched_bubblewrap):
    return Entered(watched_bubblewrap)


def opened(request):
    """Return a sandbox: what a fixture of its name makes, or that of the registry, where it can be had here."""
    try:
        return request.getfixturevalue(request.param)
    except pytest.FixtureLookupError:
        try:
            sandbox = SANDBOXES[request.param].open(Settings())
            sandbox.check()
        except SandboxUnavailable as error:
            pytest.skip(f"{error.message} {error.hint}")
        return sandbox


@pytest.fixture(params=[*SANDBOXES, "entered_bubblewrap"])
def sandbox(request):
    return opened(request)


@pytest.fixture(params=[*SANDBOXES, "entered_bubblewrap", "watched_bubblewrap", "entered_watched_bubblewrap"])
def bounded(request):
    """Every way in which a whole sandbox is bounded."""
    return opened(request)


@pytest.fixture
def run(sandbox, tmp_path):
    return runner(sandbox, tmp_path)


@pytest.fixture
def run_bounded(bounded, tmp_path):
    """Run in a bounded sandbox, and see that the next run is as if nothing had been."""
    run = runner(bounded, tmp_path)
    yield run
    after = run(*sh("echo fine; ls -A /tmp /dev/shm; ls -d /proc/[0-9]* | wc -l"))
    assert after.stdout.split()[:3] == [b"fine", b"/dev/shm:", b"/tmp:"]
    assert int(after.stdout.split()[-1]) < 10


@pytest.fixture
def marker():
    """A word in the command line of what a test leaves running; at the end nothing has it."""
    word = f"31{uuid.uuid4().int % 10**9}.5"
    yield word
    assert ended(word)


@pytest.fixture(scope="session")
def moto_server():
    with moto() as endpoint:
        make_bucket(endpoint, "bucket")
        yield endpoint


@pytest.fixture(scope="session")
def seaweed_server(tmp_path_factory):
    with seaweed(tmp_path_factory.mktemp("seaweed") / "server") as endpoint:
        make_bucket(endpoint, "bucket")
        yield endpoint


@pytest.fixture
def account(monkeypatch):
    """Take the S3 account of a server, and no other that this machine may have."""

    def take(endpoint, **other):
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables(endpoint, **other).items():
            monkeypatch.setenv(name, value)

    return take


_SERVERS = [
    pytest.param("seaweed", marks=pytest.mark.slow),
    pytest.param("moto", marks=[pytest.mark.slow, pytest.mark.long]),  # a second one
]


@pytest.fixture(params=_SERVERS)
def s3(request, account):
    """Use a real S3 server with a bucket named `bucket`."""
    account(request.getfixturevalue(f"{request.param}_server"))


@pytest.fixture(params=["folder", "memory", *_SERVERS])
def url(request, tmp_path, account):
    """The URL of an empty store of each kind."""
    if request.param == "folder":
        return str(tmp_path / "store")
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}/deep/er"
    account(request.getfixturevalue(f"{request.param}_server"))
    return f"s3://bucket/{uuid.uuid4().hex}/deep"
