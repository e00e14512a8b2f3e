"""A coding agent's shell and its tests are in the recorded worlds of the examples that it sees."""

import subprocess

import pytest
from patience import patient
from tests_support import ROMAN_SPEC
from world_support import HOST, WEATHER_TESTS, WEATHER_TOOL, weather, write_weather

from agenthands.coding.tool_coder import CodingLimits, generate_tool
from agenthands.schemas import BuildRequest, CodingResult, Tokens, ToolSpec
from agenthands.store.workdirs import BuildContext, ToolWorkspace

pytestmark = pytest.mark.slow


class Coder:
    """Types a line into its shell, and keeps what it was told and what the shell said."""

    def __init__(self, line):
        self.line = line

    def work(self, task):
        self.message = task.message
        argv = [str(task.shell.path)]
        done = subprocess.run(
            argv, input=self.line, capture_output=True, text=True, timeout=patient(120), check=False,
            start_new_session=True,
        )  # fmt: skip
        task.shell.close()
        self.said = done.stdout + done.stderr
        return CodingResult(status="finished", cost_usd=0.0, tokens=Tokens(), seconds=1, steps=1)


@pytest.fixture
def typed(tmp_path, nat_environment, bubblewrap):
    def typed_in(line, tool):
        folder = tmp_path / "build"
        build = BuildContext(build_id="b", request=BuildRequest(request="x"), folder=folder)
        work = ToolWorkspace(build, tool, nat_environment, folder)
        write_weather(work.workspace, WEATHER_TOOL, WEATHER_TESTS)
        coder = Coder(line)
        generate_tool(work, 1, None, coder, bubblewrap, CodingLimits(60, 10, 1, None, ""))
        return coder

    return typed_in


def test_its_tests_run_in_recorded_worlds_and_so_does_its_shell(typed):
    asked = f"curl -s -H 'X-Api-Key: dummy-key' 'https://{HOST}/v1/now?city=Rome'"
    line = f"sleep 1; {asked}; curl -s 'https://{HOST}/v2'; python -m pytest -q tests; exit\n"
    coder = typed(line, weather())
    assert "13 passed" in coder.said, coder.said
    assert '{"temperature": 30.0, "wind": 2}' in coder.said
    assert "The nearest recorded request is" in coder.said


def test_it_is_taught_what_worlds_are_only_where_there_are_some(typed):
    told = typed("exit\n", weather()).message
    assert 'config = world("' in told
    assert "SecretStr" in told


def test_a_tool_that_computes_is_told_nothing_of_it(tmp_path, nat_environment, bubblewrap):
    tool = ToolSpec.model_validate(ROMAN_SPEC)
    build = BuildContext(build_id="b", request=BuildRequest(request="x"), folder=tmp_path)
    work = ToolWorkspace(build, tool, nat_environment, tmp_path)
    coder = Coder("exit\n")
    generate_tool(work, 1, None, coder, bubblewrap, CodingLimits(60, 10, 1, None, ""))
    assert "world" not in coder.message
