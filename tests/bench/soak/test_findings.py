"""The soak finds what it looks for: a planted leftover of each kind, a damaged object, an end without a reason."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import sample_records
from conftest_paths import ROOT
from many_machines import MISSING, redis
from sandbox_support import becomes

sys.path.insert(0, str(ROOT / "bench"))

from patience import patient

from agenthands.error_mapping import as_agenthands_error
from agenthands.reports.html import render_failed_report
from agenthands.sandbox.base import Command, Limits, Preparation
from agenthands.schemas import ToolArtifact
from agenthands.store.backends import temporary_name
from agenthands.store.builds import publish_build
from agenthands.store.fsspec_store import FsspecStore
from agenthands.store.recovery import REASON
from agenthands.store.workdirs import sweep
from agenthands.tasks.redis_locks import SharedLocks
from agenthands.tasks.result_format import RedactedJson
from bench.measuring import in_sandbox
from bench.soak.findings import Traces, bugs, damaged, explained, held_locks, killed, unfinished

PYTHON = os.path.realpath(sys.executable)
BUG = as_agenthands_error(KeyError("cost"))
NOTHING = {kind: [] for kind in ("processes", "containers", "mounts", "temporary", "work folders", "locks")}


@pytest.mark.parametrize(("name", "message", "is_explained"), [
    ("Quota exhausted", "The account has nothing left.", True),
    ("Model silent", "It answers with empty messages.", True),
    ("Rejected", "20261125-010203-abcdef: The agent did not pass: the gate rejected x.", True),
    ("Own fault", BUG.message, False),
    ("Failed", "Flow run encountered an exception: KeyError: 'cost'", False),
    ("Rejected", f"20261125-010203-abcdef: The agent did not pass: {BUG.message}", False),
    ("Cancelled", "The run was cancelled.", False),
    ("Quota exhausted", "", False),
    ("Crashed", "", False),
])  # fmt: skip
def test_a_reason_is_an_error_of_the_user_or_of_the_outside_and_no_bug(name, message, is_explained):
    assert explained(name, message) is is_explained


@pytest.fixture
def store(tmp_path):
    """A store with an accepted build and one result of each kind that other builds use."""
    folder = tmp_path / "store"
    store = FsspecStore(str(folder))
    publish_build(sample_records.record(), {"plan.json": b"{}"}, store)
    made = ToolArtifact(outcome=sample_records.record().tools[0], files={"spec.json": "{}"})
    record = {"metadata": {"storage_key": "x"}, "result": RedactedJson().dumps(made).decode()}
    store.put("tools/kept/result.json", json.dumps(record).encode())
    store.put("tools/apart/result.json", made.model_dump_json().encode())
    store.put("plans/forgotten/result.json", b"")
    assert (damaged(folder), bugs(folder)) == ([], [])
    return folder


@pytest.mark.parametrize("name", ["plan.json", "report.html", "build.json"])
def test_a_file_of_a_build_that_is_not_whole_is_found(store, name):
    (file,) = store.glob(f"agents/*/*/{name}")
    file.write_bytes(file.read_bytes()[:-1])
    assert damaged(store) == [str(file.relative_to(store))]
    file.unlink()
    assert damaged(store) == [str(file.relative_to(store)) if name != "build.json" else "agents/currency-agent/latest"]


@pytest.mark.parametrize("name", ["kept", "apart"])
@pytest.mark.parametrize("change", [lambda content: content[: len(content) // 2], lambda _: b"", lambda _: b"[]"])
def test_a_kept_result_that_is_not_whole_is_found(store, name, change):
    file = store / "tools" / name / "result.json"
    file.write_bytes(change(file.read_bytes()))
    assert damaged(store) == [f"tools/{name}/result.json"]


def test_a_result_of_another_kind_and_a_pointer_to_nothing_are_found(store):
    (store / "plans" / "forgotten" / "result.json").write_bytes((store / "tools/kept/result.json").read_bytes())
    (pointer,) = store.glob("agents/*/latest")
    pointer.write_text("20990101-000000-000000")
    assert damaged(store) == [str(pointer.relative_to(store)), "plans/forgotten/result.json"]


def test_what_a_killed_writer_left_is_counted_and_not_damaged(store):
    (store / "tools" / "kept" / temporary_name()).touch()
    (half := store / "agents" / "x" / "20261125-010203-abcdef").mkdir(parents=True)
    (half / "plan.json").touch()
    assert damaged(store) == []
    assert unfinished(store) == {"builds without a record": 1, "temporary files": 1}


def test_what_killed_builds_had_spent_is_counted_and_neither_damaged_nor_a_bug(store):
    assert killed(store) == 0
    left = {"status": "failed", "reason": REASON, "tools": [], "acceptance": None, "files": {}}
    for number in range(2):
        record = sample_records.record(build_id=f"20261125-01020{number}-abcdef", **left)
        plan = record.plan.model_dump_json().encode()
        publish_build(record, {"plan.json": plan}, FsspecStore(str(store)), replaces=False)
    assert killed(store) == 2
    assert (damaged(store), bugs(store)) == ([], [])
    assert unfinished(store) == {"builds without a record": 0, "temporary files": 0}


@pytest.mark.parametrize("where", ["record", "page"])
def test_a_bug_is_found_where_it_is_told(store, where):
    (file,) = store.glob("agents/*/*/" + {"record": "build.json", "page": "report.html"}[where])
    record = sample_records.record()
    file.write_text(
        record.model_copy(update={"reason": BUG.message}).model_dump_json()
        if where == "record"
        else render_failed_report(record, "KeyError: 'cost'")
    )
    assert bugs(store) == [str(file.relative_to(store))]


@pytest.fixture
def traces(monkeypatch):
    """The traces of a soak that has started nothing; temporary files of this process lie where the soak's do."""
    with tempfile.TemporaryDirectory(prefix="soak-", dir="/tmp") as folder:
        traces = Traces(Path(folder))
        traces.temporary.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(traces.temporary))
        yield traces


def test_where_nothing_was_planted_nothing_is_found(traces):
    (traces.home / "work" / "tools").mkdir(parents=True)
    (traces.temporary / "runner_storage").mkdir()
    assert traces.left([]) == NOTHING


def test_files_and_folders_are_found(traces):
    (traces.temporary / "agenthands-x").mkdir()
    for name in ("20261125-010203-abcdef", "tools/0123"):
        (traces.home / "work" / name).mkdir(parents=True)
    found = {"temporary": ["agenthands-x"], "work folders": ["20261125-010203-abcdef", "tools/0123"]}
    assert traces.left([]) == {**NOTHING, **found}


def test_what_is_kept_for_a_week_is_past_its_time_once_it_is_aged(traces):
    work = traces.home / "work"
    for name in ("20261125-010203-abcdef", "tools/0123"):
        (work / name).mkdir(parents=True)
    (work / "tools" / "0123" / "owner").touch()
    sweep(work)
    assert len(traces.left([])["work folders"]) == 2
    traces.age()
    sweep(work)
    assert traces.left([]) == NOTHING


@pytest.mark.parametrize("how", ["variable", "command", "folder"])
def test_a_process_is_found_by_what_it_has_of_the_soak(traces, how):
    command = ["sleep", "60"] if how != "command" else ["tail", "-f", str(traces.folder / "absent"), "/dev/null"]
    variables = traces.variables() if how == "variable" else {}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    folder = traces.temporary if how == "folder" else "/"
    with subprocess.Popen(command, env={"PATH": os.environ["PATH"], **variables}, cwd=folder, **quiet) as process:
        try:
            assert [each.pid for each in traces.processes()] == [process.pid]
        finally:
            process.kill()


@contextmanager
def at_work(sandbox, home, marker):
    """Have a sandbox with a process that has `marker` and nothing of the soak about it, until the context ends."""
    workspace = home / "work" / "20261125-010203-abcdef"
    workspace.mkdir(parents=True)
    text = f"cd /; env -i sleep {marker} & until [ -e {workspace}/over ]; do sleep 0.1; done; kill $!"
    command = Command(["/bin/sh", "-c", text], workspace, limits=Limits(seconds=patient(30)))
    thread = threading.Thread(target=sandbox.run, args=(command,))
    thread.start()
    try:
        assert becomes(True, marker)
        yield
    finally:
        (workspace / "over").touch()
        thread.join()


def command_of(process):
    """Return a process's command; that of one that has ended meanwhile is empty."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.slow
def test_what_runs_in_a_sandbox_is_found(traces, bubblewrap):
    marker = f"{time.time_ns() % 10**9}.5"
    with at_work(bubblewrap, traces.home, marker):
        inside = [command_of(each) for each in traces.processes() if in_sandbox(each)]
        assert ["sleep", marker] in inside
    assert not traces.left([])["processes"]


@pytest.mark.slow
def test_a_prepared_interpreter_is_found(traces, bubblewrap):
    preparation = Preparation(f"made = {time.time_ns()}")
    command = Command([PYTHON, "-P", "-c", "print(made)"], traces.temporary, prepared=preparation)
    assert bubblewrap.run(command).exit_code == 0
    (found,) = traces.processes()
    assert any("server_script" in word for word in found.cmdline())
    found.kill()


@pytest.mark.slow
def test_a_container_is_found_and_none_of_somebody_else(traces, docker, tmp_path):
    marker = f"{time.time_ns() % 10**9}"
    with at_work(docker, traces.home, f"{marker}.5"), at_work(docker, tmp_path, f"{marker}.7"):
        (found,) = traces.left([])["containers"]
        assert traces.mark in found


def test_a_mount_is_found(traces):
    target = traces.folder / "mounted"
    target.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", target], capture_output=True).returncode:
        pytest.skip("this user may not mount")
    try:
        (found,) = traces.left([])["mounts"]
        assert str(target) in found
    finally:
        subprocess.run(["umount", target], check=True)


@pytest.mark.skipif("redis-server" in MISSING, reason="no redis-server")
def test_a_lock_is_found():
    with redis() as url:
        locks = SharedLocks(url)
        assert held_locks(url) == []
        locks.acquire_lock("a-tool", "a-run")
        assert any("a-tool" in name for name in held_locks(url))
        locks.release_lock("a-tool", "a-run")
        assert held_locks(url) == []
