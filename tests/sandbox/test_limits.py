"""The parts of the bounds, each against the real kernel, or against a tree of files that looks like one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from patience import patient
from sandbox_support import SHELL_BOUNDS, exceed_in_a_shell

from agenthands.sandbox.base import Command, Limits
from agenthands.sandbox.limits.cgroups import Cgroups, find_cgroups
from agenthands.sandbox.limits.usage import deleted_bytes, memory_of, tree, used_bytes
from agenthands.sandbox.limits.watchdog import DiskWatch, Watchdog

pytestmark = pytest.mark.timeout(60)
MIB = 1024**2


def test_links_are_not_followed_and_hard_links_count_once(tmp_path):
    (tmp_path / "file").write_bytes(bytes(MIB))
    for name in ("a", "b", "c"):
        (tmp_path / name).hardlink_to(tmp_path / "file")
    (tmp_path / "up").symlink_to("/")
    assert MIB <= used_bytes(tmp_path, 100 * MIB) < 1.1 * MIB


def test_a_file_that_is_only_large_on_paper_costs_little(tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**12)
    assert used_bytes(tmp_path, 100 * MIB) < MIB


def test_a_folder_that_cannot_be_read_counts_as_too_much_where_it_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("closed"):
            raise PermissionError(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)  # root could read it
    assert used_bytes(tmp_path, MIB) > MIB
    (tmp_path / "closed").chmod(0o555)
    assert used_bytes(tmp_path, MIB) <= MIB


def test_deleted_files_are_found_while_somebody_holds_them(tmp_path):
    before = deleted_bytes([os.getpid()], tmp_path)  # libraries that other tests use may hold some
    with (tmp_path / "file").open("wb") as file:
        file.write(bytes(MIB))
        file.flush()
        (tmp_path / "file").unlink()
        assert deleted_bytes([os.getpid()], tmp_path) >= before + MIB
    assert deleted_bytes([os.getpid()], tmp_path) <= before


def test_what_was_too_large_may_be_cleaned_up_but_not_grow(tmp_path):
    watch = DiskWatch(Limits(disk_bytes=MIB), tmp_path, list)
    (tmp_path / "a").write_bytes(bytes(2 * MIB))
    assert watch() == "disk"
    (tmp_path / "more").write_bytes(bytes(MIB))  # before it was killed
    assert [watch(), watch()] == [None, None]
    (tmp_path / "b").write_bytes(bytes(MIB))
    assert watch() == "disk"


def test_a_tree_holds_children_of_threads_and_counts_the_threads():
    code = """
import subprocess, sys, threading, time
threading.Thread(target=lambda: subprocess.run(["sleep", "30"])).start()
time.sleep(0.3)
print("up", flush=True)
time.sleep(30)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        found = tree(process.pid)
        assert list(found.values()) == [2, 1]
        assert memory_of(found, 10**12) > MIB
        assert 0 < memory_of(found, 0) <= memory_of(found, 10**12)
        for pid in reversed(found):
            os.kill(pid, 9)
    assert tree(process.pid) == {}


def test_a_tree_that_is_larger_than_asked_for_is_not_walked_to_its_end():
    with subprocess.Popen(["/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 30 & done; echo all; wait"],
                          stdout=subprocess.PIPE, start_new_session=True) as process:  # fmt: skip
        assert process.stdout.readline() == b"all\n"
        try:
            assert len(tree(process.pid)) == 9
            assert len(tree(process.pid, enough=3)) == 4
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_process_that_ends_while_it_is_measured_counts_nothing(monkeypatch):
    monkeypatch.setattr("agenthands.sandbox.limits.usage._resident", lambda pid: 100 * MIB)
    with subprocess.Popen(["true"]) as process:
        time.sleep(0.5)  # it has ended, and nobody has waited for it
        assert memory_of([process.pid], MIB) == 0


def fake_second_version(folder, *, own_gives, parent_gives):
    parent = folder / "cgroup" / "user.slice"
    own = parent / "worker.service"
    own.mkdir(parents=True)
    for place, given in ((folder / "cgroup", ""), (parent, parent_gives), (own, own_gives)):
        (place / "cgroup.procs").touch()
        (place / "cgroup.subtree_control").write_text(given)
    process = folder / "proc"
    process.mkdir()
    (process / "cgroup").write_text("0::/user.slice/worker.service\n")
    (process / "mounts").write_text(f"cgroup2 {folder}/cgroup cgroup2 rw,nsdelegate 0 0\n")
    return process, parent, own


@pytest.mark.parametrize(("own_gives", "parent_gives", "place"), [
    ("cpu memory pids", "memory pids", "own"),
    ("", "cpu memory pids", "parent"),
    ("memory", "pids", None),
])  # fmt: skip
def test_version_2_is_used_where_both_controllers_are_given(tmp_path, monkeypatch, own_gives, parent_gives, place):
    process, parent, own = fake_second_version(tmp_path, own_gives=own_gives, parent_gives=parent_gives)
    written = {}

    def write_text(path, text, *_, **__):
        written[path.name] = (path.parent.parent, text)

    monkeypatch.setattr(Path, "write_text", write_text)  # a plain file would stay, and its folder with it
    cgroups = find_cgroups(process)
    if place is None:
        assert cgroups is None
        return
    cgroups.make(Limits(memory_bytes=5 * MIB, processes=7)).remove()
    expected = {"own": own, "parent": parent}[place]
    assert written["memory.max"] == (expected, str(5 * MIB))
    assert written["pids.max"] == (expected, "7")
    assert not [each for each in expected.iterdir() if each.name.startswith("agenthands")]


def test_where_nothing_is_mounted_there_are_no_cgroups(tmp_path):
    (tmp_path / "cgroup").write_text("0::/\n")
    (tmp_path / "mounts").write_text("proc /proc proc rw 0 0\n")
    assert find_cgroups(tmp_path) is None
    assert find_cgroups(tmp_path / "missing") is None


@pytest.fixture
def cgroups():
    found = find_cgroups()
    if found is None:
        pytest.skip("no cgroup can be made here")
    return found


def left_of(cgroups):
    return [each for parent in set(cgroups._parents.values()) for each in parent.glob(f"agenthands-{os.getpid()}-*")]


def test_a_cgroup_takes_its_processes_with_it(cgroups, tmp_path):
    bounds = Watchdog(Limits(), tmp_path, cgroups)
    assert left_of(cgroups)
    with subprocess.Popen(["/bin/sh", "-c", f"{bounds.entry} && echo in && (setsid sleep 100 &) ; sleep 100"],
                          stdout=subprocess.PIPE) as process:  # fmt: skip
        assert process.stdout.readline() == b"in\n"
        bounds.close()
        assert process.wait(patient(5)) == -9
    assert left_of(cgroups) == []


def test_cgroups_of_dead_workers_are_removed(cgroups, monkeypatch):
    ended = subprocess.Popen(["true"])
    ended.wait()
    monkeypatch.setattr(os, "getpid", lambda: ended.pid)
    cgroups.make(Limits())
    left = left_of(cgroups)
    assert left
    monkeypatch.setattr("agenthands.sandbox.limits.cgroups._FRESH", -1)
    Cgroups(cgroups._parents, cgroups.version)
    assert left_of(cgroups) == []


@pytest.mark.parametrize("space", ["this worker's", "another container's"])
def test_what_runs_in_a_cgroup_of_a_dead_worker_ends_with_it(cgroups, monkeypatch, space):
    """A process id of another container means nothing here: that worker may be alive."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    monkeypatch.setattr(os, "getpid", lambda: ended.pid)
    if space == "another container's":
        monkeypatch.setattr("agenthands.sandbox.limits.cgroups._space", lambda: "1")
    left = cgroups.make(Limits())
    monkeypatch.undo()
    monkeypatch.setattr("agenthands.sandbox.limits.cgroups._FRESH", -1)
    try:
        with subprocess.Popen(["/bin/sh", "-c", f"{left.entry} && echo in && exec sleep 100"],
                              stdout=subprocess.PIPE) as process:  # fmt: skip
            assert process.stdout.readline() == b"in\n"
            try:
                Cgroups(cgroups._parents, cgroups.version)
                if space == "another container's":
                    assert process.poll() is None
                else:
                    assert process.wait(patient(5)) == -9
            finally:
                left.kill()
        Cgroups(cgroups._parents, cgroups.version)
        assert not any(Path(file).exists() for file in left.files)
    finally:
        left.remove()


@pytest.mark.parametrize("kind", ["bubblewrap", "watched_bubblewrap"])
@pytest.mark.parametrize(("bound", "text", "limits"), SHELL_BOUNDS)
def test_a_shell_that_exceeds_a_bound_starts_anew_and_is_told(request, tmp_path, kind, bound, text, limits):
    sandbox = request.getfixturevalue(kind)
    exceed_in_a_shell(sandbox, tmp_path, bound, text, limits)
    if sandbox._cgroups:
        assert left_of(sandbox._cgroups) == []


def test_a_shell_that_nobody_closes_leaves_no_cgroup(bubblewrap, cgroups, tmp_path):
    shell = bubblewrap.shell(Command((), tmp_path), tmp_path / "control")
    assert left_of(cgroups)
    del shell
    assert left_of(cgroups) == []


def test_the_machines_own_largest_process_id_stays_as_it_is(watched_bubblewrap, tmp_path):
    largest = Path("/proc/sys/kernel/pid_max").read_text()
    inside = watched_bubblewrap.run(Command(["/bin/cat", "/proc/sys/kernel/pid_max"], tmp_path))
    assert inside.exit_code == 0
    assert Path("/proc/sys/kernel/pid_max").read_text() == largest
