"""The sandboxes that must keep the contract, and runs in them."""

import uuid

import pytest
from sandbox_support import ended, runner, sh


@pytest.fixture(params=["bubblewrap", "docker"])
def sandbox(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["bubblewrap", "watched_bubblewrap", "docker"])
def bounded(request):
    """Every way in which a whole sandbox is bounded."""
    return request.getfixturevalue(request.param)


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
