"""A rebuild that finds all it needs."""

import json
import os
import subprocess
import sys

import pytest
from patience import patient

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PROGRAM = """
import json, sys
from agenthands.cli import commands as running
leave = running.leave

def tell(code):
    print(json.dumps([name for name in ("prefect", "litellm", "openhands") if name in sys.modules]))
    leave(code)

running.leave = tell
from agenthands.cli.main import main
main()
"""


def test_it_asks_no_model_and_imports_nothing_that_could(warm_build, model, tmp_path, prefect_api):
    assert warm_build().returncode == 0
    asked = len(model)
    command = ["build", "a report", "--planner", "openai/scripted", "--api-base", model.url]
    variables = {**os.environ, **prefect_api, "AGENTHANDS_STORE": str(tmp_path / "store"), "OPENAI_API_KEY": "x"}
    again = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command], env=variables, capture_output=True, text=True, timeout=patient(400)
    )
    assert again.returncode == 0, again.stderr
    assert len(model) == asked
    assert json.loads(again.stdout) == ["prefect"]
