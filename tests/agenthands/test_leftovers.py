"""What a killed worker left behind is removed, and nothing that anybody still works in."""

import os
import subprocess
import sys
import time

import pytest

from agenthands.leftovers import claim, release, sweep

WEEK = 7 * 24 * 3600


@pytest.fixture
def worker(tmp_path):
    """Start a process that works in a build's folder; gives the process and the folder."""
    folder = tmp_path / "20261123-200000-abcdef"
    folder.mkdir()
    code = (
        "import sys, time; from pathlib import Path; from agenthands.leftovers import claim\n"
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
    assert sweep(tmp_path) == []
    process.kill()
    process.wait()
    assert sweep(tmp_path) == [folder.name]
    assert own.is_dir()
    release(own)
    assert sweep(tmp_path) == [own.name]


def test_what_is_unfinished_or_just_begins_is_kept_for_a_week(tmp_path):
    (tmp_path / "20261123-200000-abcdef").mkdir()
    tool = tmp_path / "tools" / "0123456789"
    tool.mkdir(parents=True)
    (tool / "owner").write_text("20261123-200000-abcdef")
    assert sweep(tmp_path) == []
    old = time.time() - WEEK - 60
    os.utime(tool / "owner", (old, old))
    os.utime(tmp_path / "20261123-200000-abcdef", (old, old))
    assert sweep(tmp_path) == ["20261123-200000-abcdef"]
    assert not tool.exists()
