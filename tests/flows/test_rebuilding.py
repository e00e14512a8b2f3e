"""A build after one that made the same: it uses what is kept, and makes anew only what was changed or asked for."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from patience import patient
from scripted_server import serve_script

from agenthands.schemas import BuildRecord

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


@pytest.fixture(scope="module")
def one_model():
    """The script data-report as one server for all builds: where a model is belongs to what is kept."""
    with serve_script("data-report") as asked:
        yield asked


@pytest.fixture(scope="module")
def first(one_model, warm, tmp_path_factory):
    """The first build: its store, its record, and how often each step asked the model."""
    store = tmp_path_factory.mktemp("first") / "store"
    command = ["build", "a report", "--planner", "openai/scripted", "--api-base", one_model.url, "--json"]
    done = warm.run(*command, AGENTHANDS_STORE=store, OPENAI_API_KEY="x")
    assert done.returncode == 0, done.stderr
    calls = {kind: one_model.count(kind) for kind in ("plan", "coder", "agent", "opinion")}
    assert sum(calls.values()) == len(one_model)
    return store, BuildRecord.model_validate_json(done.stdout), calls


@pytest.fixture
def model(one_model, first, tmp_path):
    """The model, which was asked nothing yet; the store in tmp_path holds the first build."""
    shutil.copytree(first[0], tmp_path / "store")
    one_model.clear()
    return one_model


def test_a_rebuild_asks_no_model_and_starts_no_sandbox_for_tools(build, model, first):
    _, before, _ = first
    record = build()
    assert model.count() == 0
    assert record.build_id != before.build_id
    assert (record.status, record.cost_usd, record.tokens.prompt) == ("accepted", 0, 0)
    assert [(tool.cached, tool.build_id, tool.attempts) for tool in record.tools] == [(True, before.build_id, 1)]
    assert (record.acceptance.cached, record.acceptance.build_id) == (True, before.build_id)
    assert record.files["bundle.tar.gz"] == before.files["bundle.tar.gz"]
    assert not any(name.startswith("trajectories/") for name in record.files)
    assert [stage.name for stage in record.stages] == [stage.name for stage in before.stages]


def test_its_process_imports_nothing_that_could_ask_a_model(model, tmp_path, prefect_api):
    command = ["build", "a report", "--planner", "openai/scripted", "--api-base", model.url]
    variables = {**os.environ, **prefect_api, "AGENTHANDS_STORE": str(tmp_path / "store"), "OPENAI_API_KEY": "x"}
    again = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command], env=variables, capture_output=True, text=True, timeout=patient(400)
    )
    assert again.returncode == 0, again.stderr
    assert model.count() == 0
    assert json.loads(again.stdout) == ["prefect"]


def test_another_coder_makes_the_tools_anew_and_nothing_else(build, model, first):
    record = build("--coder", "openai/another")
    assert (model.count("plan"), model.count("coder")) == (0, first[2]["coder"])
    assert [tool.cached for tool in record.tools] == [False]


def test_a_refresh_makes_everything_anew(build, model, first):
    record = build("--refresh")
    assert {kind: model.count(kind) for kind in first[2]} == first[2]
    assert [tool.cached for tool in record.tools] == [False]
