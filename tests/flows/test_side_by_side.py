"""Steps of different tools do not wait for each other, though they are called the same."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

BUILD = """
import sys, threading
from pathlib import Path
from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner
from agenthands.models import BuildOptions
from tasks.caching import kept, kept_here
from tasks.locks import locks_for
from tasks.wiring import settings_for

folder, both = Path(sys.argv[1]), threading.Barrier(2, timeout=30)
settings = settings_for(BuildOptions(store=str(folder / "store")))

@task
def step():
    both.wait()
    return 1

@task
def tool(name):
    return kept_here(step, "generate-1", folder / name)()

@flow
def build():
    with ThreadPoolTaskRunner(max_workers=2) as runner:
        futures = [runner.submit(kept(tool, f"tools/{name}", settings), {"name": name}) for name in ("one", "other")]
        return [future.result() for future in futures]

# What is made elsewhere on this machine, and called the same, is being kept just now.
locks_for(settings).acquire_lock("generate-1.json", "another build", 0)
print(build())
"""


def test_two_tools_are_written_and_kept_at_once(prefect_api, tmp_path):
    variables = {**os.environ, **prefect_api, "AGENTHANDS_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(tmp_path)], env=variables, capture_output=True, text=True, timeout=200
    )
    assert done.stdout == "[1, 1]\n", done.stderr
    assert sorted(each.parent.name for each in tmp_path.glob("*/generate-1.json")) == ["one", "other"]
