"""A command that is terminated: everything it started ends, it says so, and what was done is kept."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from patience import patient
from scripted_server import serve_script
from served_support import BIN, until

from agenthands.schemas import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_terminated_command_ends_as_an_interrupted_one_and_says_what_it_was(tmp_path, prefect_api):
    with serve_script("data-report", latency=60) as model:
        command = [BIN / "agenthands", "build", "a report", "--planner", "openai/scripted", "--api-base", model.url]
        variables = {**os.environ, **prefect_api, "AGENTHANDS_STORE": str(tmp_path), "OPENAI_API_KEY": "x"}
        with subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL) as process:
            until(lambda: model.count("plan"))
            family = psutil.Process(process.pid).children(recursive=True)
            process.terminate()
            assert process.wait(patient(30)) == 130
        _, alive = psutil.wait_procs(family, timeout=patient(10))
        assert alive == []
    (record,) = tmp_path.glob("agents/*/*/build.json")
    assert BuildRecord.model_validate_json(record.read_bytes()).status == "cancelled"


SLOW_TO_SAY = """
import sys, time
import agenthands.flows.build_agent as building
import agenthands.gate.harness_client as judging
from agenthands.cli.main import main
judging._BOOT = "import time; time.sleep(600)"
say = building._cancelled
def later(*what):
    time.sleep(4)
    say(*what)
building._cancelled = later
main()
"""


def a_sandbox_of(process):
    """Return whether one runs below a process."""
    for each in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "--unshare-all" in each.cmdline():
                return True
    return False


def test_a_build_that_is_terminated_while_the_gate_judges_keeps_no_verdict(model, prefect_api, tmp_path):
    """Its other threads go on while it says its last words: slowly, as to a store that is far away.

    What the gate runs does not end by itself: on an idle machine it would before it is killed.
    """
    options = ["build", "a report", "--planner", "openai/scripted", "--api-base", model.url]
    command = [sys.executable, "-P", "-c", SLOW_TO_SAY, *options]
    variables = {**os.environ, **prefect_api, "AGENTHANDS_STORE": str(tmp_path / "store"), "OPENAI_API_KEY": "x"}
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stderr:
                if "checking" in line:
                    until(lambda: a_sandbox_of(process))
                    process.terminate()
            assert process.wait(patient(30)) == 130
        finally:
            process.kill()  # else the end of this block would wait for it
    (record,) = (tmp_path / "store").glob("agents/*/*/build.json")
    record = BuildRecord.model_validate_json(record.read_bytes())
    assert (record.status, record.reason) == ("cancelled", "the run was cancelled")
    owners = (Path(os.environ["AGENTHANDS_HOME"]) / "work" / "tools").glob("*/owner")
    (folder,) = [each.parent for each in owners if each.read_text() == record.build_id]
    steps = {each.name for each in (folder / "steps").iterdir()}
    assert "generate-1.json" in steps
    assert not [each for each in steps if each.startswith("validate")]
