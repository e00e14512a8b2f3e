"""A run that is cancelled in Prefect: everything it started ends, it says so, and what was done is kept."""

import os
import subprocess

import psutil
import pytest
from scripted_server import serve_script
from served_support import BIN, until

from agenthands.models import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_cancelled_run_ends_with_all_it_started_and_publishes_what_it_was(served):
    before = psutil.Process(served.pid).children(recursive=True)
    with serve_script("data-report", latency=20) as model:
        run = served.ask("a report", model)
        until(lambda: model.count("plan"))
        model.latency = 0
        until(lambda: model.count("coder"), 200)
        model.latency = 600  # from now on every call hangs, as models do
        until(lambda: model.count("coder") > 1, 200)
        started_since = [each for each in psutil.Process(served.pid).children(recursive=True) if each not in before]
        family = [each for each in started_since if "resource_tracker" not in " ".join(each.cmdline())]  # the runner's
        assert any("bwrap" in each.name() for each in family)
        cancel = [BIN / "prefect", "flow-run", "cancel", run]
        subprocess.run(cancel, env=served.variables, check=True, capture_output=True)
        _, alive = psutil.wait_procs(family, timeout=30)
        assert alive == []
        assert until(lambda: served.ended(run))["type"] == "CANCELLED"
    records = [BuildRecord.model_validate_json(each.read_bytes()) for each in found(served.folder / "store")]
    assert [each.plan.name for each in records if each.status == "cancelled"] == ["data-report"]


def found(store):
    return store.glob("agents/*/*/build.json")


def test_a_terminated_command_ends_as_an_interrupted_one_and_says_what_it_was(tmp_path):
    with serve_script("data-report", latency=60) as model:
        command = [BIN / "agenthands", "build", "a report", "--planner", "openai/scripted", "--api-base", model.url]
        variables = {**os.environ, "AGENTHANDS_STORE": str(tmp_path), "OPENAI_API_KEY": "x"}
        with subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL) as process:
            until(lambda: model.count("plan"))
            family = psutil.Process(process.pid).children(recursive=True)
            process.terminate()
            assert process.wait(30) == 130
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []
    (record,) = found(tmp_path)
    assert BuildRecord.model_validate_json(record.read_bytes()).status == "cancelled"
