"""One suite for every sandbox: what stays bounded, and that the next run is as if nothing had been."""

import time

import psutil
import pytest
from patience import patient
from sandbox_support import MIB, python, runner, sh

pytestmark = pytest.mark.slow


def test_wall_time_is_bounded_and_nothing_stays(run, marker):
    started = time.monotonic()
    result = run(*sh(f"(setsid sleep {marker} &) ; sleep {marker}"), limits={"seconds": 2})
    assert result.timed_out
    assert (result.exit_code, result.ended_by) == (None, "time")
    assert time.monotonic() - started < patient(20)


def test_output_is_bounded(run):
    before = psutil.Process().memory_info().rss
    result = run(*sh("yes & yes >&2"), limits={"seconds": 3, "output_bytes": 10_000})
    assert (len(result.stdout), len(result.stderr)) == (10_000, 10_000)
    assert result.truncated
    assert psutil.Process().memory_info().rss - before < 50 * MIB


def test_memory_of_a_process_is_bounded(run):
    result = run(*python("x = bytearray(600 * 1024**2)"), limits={"memory_bytes": 400 * 1024**2})
    assert b"MemoryError" in result.stderr


def test_files_are_bounded(run, tmp_path):
    run(*sh("head -c 20M /dev/zero > big; head -c 20M /dev/zero > /tmp/big; ls -l big"), limits={"file_bytes": 1024**2})
    assert (tmp_path / "big").stat().st_size <= 1024**2


def test_scratch_is_bounded_and_empty_at_the_start(run):
    result = run(*sh("head -c 3M /dev/zero > /tmp/a"), limits={"scratch_bytes": 1024**2})
    assert run("/bin/cat", "/tmp/a").exit_code != 0
    assert b"No space left" in result.stderr


def test_shared_memory_is_bounded(run):
    result = run(*sh("head -c 3M /dev/zero > /dev/shm/a"), limits={"scratch_bytes": MIB})
    assert b"No space left" in result.stderr


def test_a_fork_bomb_is_contained(run_bounded):
    result = run_bounded(*sh("bomb() { bomb | bomb & }; bomb; sleep 30"), limits={"seconds": 4, "processes": 60})
    assert result.ended_by in ("processes", "time")


def test_too_many_processes_are_contained(run_bounded, marker):
    many = f"for i in $(seq 200); do sleep {marker} & done; wait"
    result = run_bounded(*sh(many), limits={"seconds": 6, "processes": 60})
    assert result.exit_code != 0
    assert result.ended_by in ("processes", "time")


def test_memory_of_all_processes_together_is_bounded(run_bounded):
    bomb = """
import os, time
for _ in range(10):
    if not os.fork():
        data = bytearray(os.urandom(4096) * 256 * 60)
        time.sleep(20)
time.sleep(20)
print("held")
"""
    result = run_bounded(*python(bomb), limits={"memory_bytes": 300 * MIB})
    assert b"held" not in result.stdout
    assert result.ended_by == "memory"
    assert result.seconds < 15


def test_a_fork_that_shares_its_memory_is_counted_once(run_bounded):
    shared = """
import os, time
data = bytearray(os.urandom(4096) * 256 * 100)
for _ in range(8):
    if not os.fork():
        time.sleep(1.5)
        os._exit(0)
time.sleep(1.5)
print("held")
"""
    assert run_bounded(*python(shared), limits={"memory_bytes": 400 * MIB}).stdout == b"held\n"


FILLERS = {
    "many files": "i=0; while :; do head -c 1M /dev/zero > f$i; i=$((i + 1)); done",
    "many empty files": "mkdir d; cd d; i=0; while :; do touch $i.{1..500}; i=$((i + 1)); done",
    "deleted files": "for i in {10..500}; do eval exec $i'>f'; head -c 1M /dev/zero >&$i; rm f; done; sleep 30",
    "a deep folder": "while :; do mkdir dddddddddddddddddddd; cd dddddddddddddddddddd; head -c 1M /dev/zero > f; done",
}


@pytest.mark.parametrize("text", FILLERS.values(), ids=FILLERS)
def test_the_workspace_is_bounded(bounded, tmp_path, text):
    run = runner(bounded, tmp_path)
    result = run(*sh(text), limits={"disk_bytes": 30 * MIB, "seconds": patient(20)})
    assert result.ended_by == "disk"
    (tmp_path / "next").mkdir()
    assert runner(bounded, tmp_path / "next")(*sh("echo x > y; cat y")).stdout == b"x\n"
