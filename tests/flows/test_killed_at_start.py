"""A process that is killed while it checks the machine leaves what the next one finds and removes."""

import os
import signal
import subprocess
import sys

import pytest
from patience import patient

KILLED_IN_THE_FIRST_SANDBOX = """
import os, signal
import agenthands.sandbox.bubblewrap.sandbox as bubblewrap
bubblewrap.run_process = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
"""
RUN_OF_A_DEPLOYMENT = """
from agenthands.schemas import BuildOptions
from agenthands.tasks.lifecycle import start_build
start_build.fn("a report", BuildOptions(planner="scripted/data-report"))
"""
COMMAND = """
import sys
from agenthands.cli.main import main
sys.argv = ["agenthands", "build", "a report", "--planner", "scripted/data-report"]
main()
"""


@pytest.mark.parametrize("start", [RUN_OF_A_DEPLOYMENT, COMMAND], ids=["run", "command"])
def test_temporary_files_lie_in_the_folder_of_the_process_from_the_first_one_on(start, tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    variables = {**os.environ, "TMPDIR": str(temporary), "AGENTHANDS_HOME": str(tmp_path / "home")}
    argv = [sys.executable, "-c", KILLED_IN_THE_FIRST_SANDBOX + start]
    done = subprocess.run(argv, env=variables, cwd=tmp_path, capture_output=True, text=True, timeout=patient(100))
    assert done.returncode == -signal.SIGKILL, done.stderr
    (left,) = temporary.iterdir()
    assert left.name.startswith("agenthands-scratch-")
    assert (left / ".alive").is_file()
