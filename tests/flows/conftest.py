"""One `agenthands serve` for all tests that need its deployments, and builds on the bare server."""

import os
import subprocess

import psutil
import pytest
from conftest_paths import shared_folder
from package_support import built_package
from patience import patient
from scripted_server import serve_script
from served_support import BIN, serve
from warm_command import warm_command

from agenthands.schemas import BuildRecord


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """A server, the deployments and a worker; in the end a user's interrupt must end them all."""
    with serve(tmp_path_factory.mktemp("served")) as served:
        yield served
        family = psutil.Process(served.pid).children(recursive=True)
        assert any("worker" in each.cmdline() for each in family)
    assert served.exit_code == 130
    _, alive = psutil.wait_procs(family, timeout=patient(10))
    assert not alive


@pytest.fixture(scope="session")
def warm(prefect_api):
    """A process on the bare server that runs one command after the other, without the imports of each."""
    with warm_command(prefect_api) as command:
        yield command


@pytest.fixture
def model():
    """The script data-report as a server, which knows what it was asked."""
    with serve_script("data-report") as asked:
        yield asked


@pytest.fixture
def warm_build(warm, model, tmp_path):
    """Build by that model in the warm process, with the store in tmp_path; returns how the command ended."""

    def build(*options, command="build"):
        chosen = ["--planner", "openai/scripted", "--api-base", model.url]
        variables = {"AGENTHANDS_STORE": tmp_path / "store", "OPENAI_API_KEY": "x"}
        return warm.run(command, "a report", *chosen, *options, **variables)

    return build


@pytest.fixture
def build(warm_build):
    """Build as `warm_build` does, to an accepted agent; returns the record."""

    def build(*options):
        done = warm_build("--json", *options)
        assert done.returncode == 0, done.stderr
        return BuildRecord.model_validate_json(done.stdout)

    return build


@pytest.fixture
def start_build(model, tmp_path, prefect_api):
    """Start a build by that model as a user does, on the bare server; its store is in tmp_path, its output in pipes."""

    def start(*options):
        command = [BIN / "agenthands", "build", "a report", "--planner", "openai/scripted", "--api-base", model.url]
        variables = {**os.environ, **prefect_api, "AGENTHANDS_STORE": str(tmp_path / "store"), "OPENAI_API_KEY": "x"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([*command, *options], env=variables, **pipes)

    return start


@pytest.fixture(scope="session")
def fetched_package(tmp_path_factory, warm):
    """Fetch the package of one build, which the first process of a test run makes for all of them, into a folder."""
    return lambda folder: built_package(shared_folder(tmp_path_factory), folder, warm)
