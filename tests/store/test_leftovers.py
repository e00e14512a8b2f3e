"""What a killed worker left behind is removed, and nothing that anybody still works in."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from patience import patient

from agenthands.store.workdirs import claim, release, sweep

WEEK = 7 * 24 * 3600


def age(folder, seconds=60.0):
    """Let a folder be one that was claimed some time ago."""
    then = time.time() - seconds
    os.utime(folder / ".alive", (then, then))


@pytest.fixture
def worker(tmp_path):
    """Start a process that works in a build's folder; returns the process and the folder."""
    folder = tmp_path / "20261123-200000-abcdef"
    folder.mkdir()
    code = (
        "import sys, time; from pathlib import Path; from agenthands.store.workdirs import claim\n"
        "claim(Path(sys.argv[1])); print('works', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"works\n"
        yield process, folder
        process.kill()


def test_the_folder_of_a_killed_worker_is_removed_and_no_other(worker, tmp_path):
    process, folder = worker
    own = tmp_path / "20261123-200001-abcdef"
    own.mkdir()
    claim(own)
    age(folder)
    age(own)
    assert sweep(tmp_path) == []
    process.kill()
    process.wait()
    age(folder)
    age(own)
    assert sweep(tmp_path) == [folder.name]
    assert own.is_dir()
    release(own)
    age(own)
    assert sweep(tmp_path) == [own.name]


def test_a_folder_is_not_swept_in_the_moment_before_it_is_locked(tmp_path):
    folder = tmp_path / "20261123-200000-abcdef"
    folder.mkdir()
    (folder / ".alive").touch()
    assert sweep(tmp_path) == []
    age(folder)
    assert sweep(tmp_path) == [folder.name]


def test_what_is_unfinished_or_just_begins_is_kept_for_a_week(tmp_path):
    (tmp_path / "20261123-200000-abcdef").mkdir()
    tool = tmp_path / "tools" / "0123456789"
    tool.mkdir(parents=True)
    (tool / "owner").write_text("20261123-200000-abcdef")
    nobodys = tmp_path / "tools" / "abcdef0123"
    (nobodys / "steps").mkdir(parents=True)
    assert sweep(tmp_path) == []
    assert nobodys.exists()
    old = time.time() - WEEK - 60
    os.utime(tool / "owner", (old, old))
    os.utime(nobodys, (old, old))
    os.utime(tmp_path / "20261123-200000-abcdef", (old, old))
    assert sweep(tmp_path) == ["20261123-200000-abcdef"]
    assert not tool.exists()
    assert not nobodys.exists()


def test_builds_that_start_at_once_may_sweep_the_same(tmp_path):
    old = time.time() - WEEK - 60
    for number in range(400):
        tool = tmp_path / "tools" / str(number)
        tool.mkdir(parents=True)
        (tool / "owner").touch()
        os.utime(tool / "owner", (old, old))
        folder = tmp_path / f"20261123-200000-{number}"
        folder.mkdir()
        os.utime(folder, (old, old))
    with ThreadPoolExecutor(4) as threads:
        removed = [name for names in threads.map(sweep, [tmp_path] * 4) for name in names]
    assert len(set(removed)) == 400
    assert [each.name for each in tmp_path.iterdir()] == ["tools"]
    assert list((tmp_path / "tools").iterdir()) == []


def test_threads_that_begin_at_once_have_one_folder(tmp_path):
    code = (
        "import tempfile, threading; from agenthands.store import workdirs as leftovers\n"
        "both, claim = threading.Barrier(2, timeout=1), leftovers.claim\n"
        "def slowly(folder):\n"
        "    try: both.wait()\n"
        "    except threading.BrokenBarrierError: pass\n"
        "    claim(folder)\n"
        "leftovers.claim = slowly\n"
        "threads = [threading.Thread(target=leftovers.use_scratch) for _ in range(2)]\n"
        "for each in threads: each.start()\n"
        "for each in threads: each.join()\n"
    )
    variables = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=variables, check=True, timeout=patient(60))
    assert list(tmp_path.iterdir()) == []


def in_a_process(system, then):
    """Let a process use a scratch folder, leave a file there, say where, and do `then`."""
    code = (
        "import os, sys, tempfile; from agenthands.store.workdirs import use_scratch; use_scratch(); use_scratch()\n"
        "file = tempfile.mkstemp()[1]; print(os.path.dirname(file), os.environ['TMPDIR'], flush=True)\n" + then
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(system)}, stdout=subprocess.PIPE, text=True
    )
    with process:
        one, other = process.stdout.readline().split()
        assert one == other
        yield process, Path(one)


def test_temporary_files_of_a_process_are_gone_with_it(tmp_path):
    for process, scratch in in_a_process(tmp_path, ""):
        assert scratch.parent == tmp_path
        assert process.wait(patient(20)) == 0
        assert list(tmp_path.iterdir()) == []


def test_a_child_leaves_its_parents_temporary_files_alone(tmp_path):
    child = (
        "import subprocess\n"
        "subprocess.run([sys.executable, '-c', 'from agenthands.store.workdirs import use_scratch, leave_scratch;"
        " use_scratch(); leave_scratch()'], check=True)\n"
        "sys.exit(0 if os.path.exists(file) else 3)"
    )
    for process, _ in in_a_process(tmp_path, child):
        assert process.wait(patient(20)) == 0
        assert list(tmp_path.iterdir()) == []


def test_temporary_files_of_a_killed_process_are_removed_by_the_next(tmp_path):
    (tmp_path / "agenthands-scratch-just-begun").mkdir()
    (tmp_path / "agenthands-scratch-never-claimed").mkdir()
    long_ago = time.time() - WEEK - 60
    os.utime(tmp_path / "agenthands-scratch-never-claimed", (long_ago, long_ago))
    for process, scratch in in_a_process(tmp_path, "import time; time.sleep(60)"):
        age(scratch)
        for other, _ in in_a_process(tmp_path, ""):
            assert other.wait(patient(20)) == 0
            assert scratch.is_dir(), "it is in use"
        process.kill()
        process.wait()
        age(scratch)
        assert list(scratch.iterdir())
        for other, _ in in_a_process(tmp_path, ""):
            assert other.wait(patient(20)) == 0
    assert [each.name for each in tmp_path.iterdir()] == ["agenthands-scratch-just-begun"]


def test_what_killed_prefect_workers_left_is_removed_after_a_day(tmp_path):
    for name in ("prefect-workspace-attempt-ab12cd34", "tmpab12cd34prefect", "prefect-of-somebody"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    for process, _ in in_a_process(tmp_path, ""):
        assert process.wait(patient(20)) == 0
    assert len(list(tmp_path.iterdir())) == 3
    yesterday = time.time() - 25 * 3600
    for folder in tmp_path.iterdir():
        os.utime(folder, (yesterday, yesterday))
    for process, _ in in_a_process(tmp_path, ""):
        assert process.wait(patient(20)) == 0
    assert [each.name for each in tmp_path.iterdir()] == ["prefect-of-somebody"]
