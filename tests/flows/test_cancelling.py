"""A command that is terminated: everything it started ends, it says so, and what was done is kept."""

import os
import subprocess

import psutil
import pytest
from scripted_server import serve_script
from served_support import BIN, until

from agenthands.models import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


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
    (record,) = tmp_path.glob("agents/*/*/build.json")
    assert BuildRecord.model_validate_json(record.read_bytes()).status == "cancelled"
