"""Locks of one machine and of several: exclusive, and free when their holder is no more."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakeredis import FakeRedis, FakeServer
from redis.lock import Lock

from agenthands.tasks.locks import MachineLocks
from agenthands.tasks.redis_locks import SharedLocks


@pytest.fixture
def shared():
    """Two machines that share a Redis."""
    server = FakeServer()

    def machine(lease=1.0):
        locks = SharedLocks("redis://127.0.0.1:1/0", lease)
        locks.client = FakeRedis(server=server)
        return locks

    return machine


@pytest.fixture(params=["machine", "shared"])
def two(request, tmp_path):
    """Return two holders' views of the same locks, as two processes have them."""
    if request.param == "machine":
        return MachineLocks(tmp_path), MachineLocks(tmp_path)
    machine = request.getfixturevalue("shared")
    return machine(), machine()


def test_one_holds_and_others_wait(two):
    one, other = two
    assert one.acquire_lock("tools/a", "me")
    assert one.acquire_lock("tools/a", "me"), "a task that is tried again holds its lock already"
    assert one.is_lock_holder("tools/a", "me")
    assert not other.is_lock_holder("tools/a", "you")
    assert other.is_locked("tools/a")
    assert not other.acquire_lock("tools/a", "you", acquire_timeout=0)
    assert other.acquire_lock("tools/b", "you", acquire_timeout=0), "another key is another lock"
    one.release_lock("tools/a", "me")
    one.release_lock("tools/a", "me")
    assert other.wait_for_lock("tools/a", 5)
    assert other.acquire_lock("tools/a", "you", acquire_timeout=5)
    other.release_lock("tools/a", "you")
    other.release_lock("tools/b", "you")


def test_threads_of_one_process_exclude_each_other(two):
    locks, _ = two
    inside, most = [], []

    def work(name):
        locks.acquire_lock("k", name)
        inside.append(name)
        most.append(len(inside))
        time.sleep(0.05)
        inside.remove(name)
        locks.release_lock("k", name)

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == [1, 1, 1, 1]


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from agenthands.tasks.locks import MachineLocks\n"
        "locks = MachineLocks(Path(sys.argv[1])); locks.acquire_lock('k', 'dead')\n"
        "print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        locks = MachineLocks(tmp_path)
        assert locks.is_locked("k")
        process.kill()
        process.wait()
        assert locks.acquire_lock("k", "me", acquire_timeout=5)


def test_a_lock_that_is_taken_while_another_thread_frees_it_is_the_takers(shared, monkeypatch):
    locks, other, release = shared(), shared(), Lock.release

    def taken_at_once(lock):
        monkeypatch.setattr(Lock, "release", release)
        release(lock)
        with ThreadPoolExecutor(1) as thread:
            assert thread.submit(locks.acquire_lock, "k", "second").result(20)

    assert locks.acquire_lock("k", "first")
    monkeypatch.setattr(Lock, "release", taken_at_once)
    locks.release_lock("k", "first")
    assert locks.is_lock_holder("k", "second")
    assert other.is_locked("k")
    locks.release_lock("k", "second")
    assert not other.is_locked("k")


def test_a_shared_lock_outlives_its_lease_only_where_it_is_renewed(shared):
    dead, alive, other = shared(lease=0.6), shared(lease=0.6), shared()
    assert alive.acquire_lock("k", "alive")
    assert dead.acquire_lock("j", "dead")
    dead._held["j", "dead"].ended.set()  # as if its machine had lost power
    time.sleep(1.5)
    assert other.is_locked("k")
    assert other.acquire_lock("j", "me", acquire_timeout=5)
    alive.release_lock("k", "alive")
    assert not other.is_locked("k")
