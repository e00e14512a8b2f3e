"""What the coder is told: the specification as it may see it, and rulings on the examples that it sees."""

import os
from pathlib import Path

import pytest
from arbitration_support import TOOL, WRONG, Planner, report, ruling
from tests_support import ROMAN_TOOL

from agenthands.coding.arbitration import arbitrate, contradictions
from agenthands.coding.tool_coder import CodingLimits, Feedback, generate_tool, system_prompt, write_specification
from agenthands.environments.base import Environment
from agenthands.errors import SettingsInvalid
from agenthands.gate.checks.test_suite import MIN_TESTS
from agenthands.llm.settings import ConfigFile
from agenthands.schemas import BuildRequest, CodingResult, ResultExample, Tokens
from agenthands.store.workdirs import BuildContext, ToolWorkspace


def ruled_on(**changes):
    """Return the planner's ruling on the visible example."""
    return arbitrate(TOOL, ROMAN_TOOL, contradictions(report("examples")), 1, Planner([ruling(**changes)])).rulings[0]


def feedback(*rulings, still=(WRONG,)):
    """Return what the coder reads about a tool that is wrong about the examples `still`, after these rulings."""
    found = [{"example": index, "call": {"result": "IV"}} for index in still]
    judged = report("tests", "examples", contradicted=found).model_copy(update={"rulings": list(rulings)})
    messages = []

    class Coder:
        def work(self, task):
            messages.append(task.message)

    class Sandbox:
        def shell(self, command, folder):
            return None

    coding = CodingResult(status="finished", cost_usd=0.0, tokens=Tokens(), seconds=1, steps=1)
    work = work_in(Path("/nowhere"))
    generate_tool(work, 2, Feedback(coding, judged), Coder(), Sandbox(), CodingLimits(1, 1, 3, None, ""))
    return messages[0]


def work_in(folder):
    build = BuildContext(build_id="b", request=BuildRequest(request="x"), folder=folder)
    return ToolWorkspace(build, TOOL, Environment(Path("/nowhere"), "0"), folder)


def test_the_coder_reads_the_reason_of_a_visible_example_alone():
    ruled = ruled_on(wrong="tool", correction=None, reason="Because so.")
    hidden = ruled.model_copy(update={"held_out": True, "example": 2, "reason": "It is 3999."})
    assert 'the example with the arguments {"number": 4}, and says that the tool is wrong. The reason: Because so.' in (
        feedback(ruled)
    )
    assert "The author" not in feedback(hidden, still=(2,))
    both = feedback(ruled, hidden, still=(WRONG, 2))  # the reason may speak of the hidden one
    assert "says that the tool is wrong.\n" in both
    assert "Because so." not in both
    assert "It is 3999." not in both


def test_the_coder_is_not_told_about_an_example_that_its_tool_meets_by_now():
    ruled = ruled_on(wrong="tool", correction=None, reason="Because so.")
    assert "Because so." not in feedback(ruled, still=())


def test_the_coder_reads_that_a_visible_example_was_corrected():
    ruled = ruled_on()
    assert 'arguments {"number": 4} was wrong; `spec.json` now has it right.' in feedback(ruled, still=())
    assert "was wrong" not in feedback(ruled.model_copy(update={"held_out": True}), still=())


def put_pipe(path):
    os.mkfifo(path)


def put_folder(path):
    (path / "inside").mkdir(parents=True)


def put_link(path):
    path.symlink_to(path.parent / "elsewhere")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("put", [put_pipe, put_folder, put_link])
def test_a_corrected_specification_is_written_whatever_the_coder_left_in_its_place(tmp_path, put):
    work = work_in(tmp_path)
    workspace = work.workspace
    workspace.mkdir(parents=True)
    (workspace / "elsewhere").write_text("mine")
    put(workspace / "spec.json")
    write_specification(work, {WRONG: ResultExample(arguments={"number": 4}, expected="IV")})
    assert not (workspace / "spec.json").is_symlink()
    assert '"IV"' in (workspace / "spec.json").read_text()
    assert (workspace / "elsewhere").read_text() == "mine"


def test_the_system_prompt_is_the_one_that_the_configuration_names(tmp_path):
    own = tmp_path / "own.md.j2"
    own.write_text("At most {{ max_steps }} steps, at least {{ min_tests }} tests.")
    config = ConfigFile(llm={}, agent={"system_prompt_filename": str(own)})
    assert system_prompt(config.agent.text, 60) == f"At most 60 steps, at least {MIN_TESTS} tests."
    assert "NAT" in system_prompt(ConfigFile(llm={}).agent.text, 60)


@pytest.mark.parametrize("template", ["{{ nobody }}", "{% if %}", "{{ max_steps.x.y }}"])
def test_a_system_prompt_that_cannot_be_filled_in_is_named(template):
    with pytest.raises(SettingsInvalid, match="system_prompt_filename"):
        system_prompt(template, 60)


@pytest.mark.parametrize("name", ["/nowhere/x.j2", "generate", "a\0b", "nothing.md.j2"])
def test_a_system_prompt_that_cannot_be_read_is_named(name):
    with pytest.raises(SettingsInvalid, match="system_prompt_filename"):
        assert ConfigFile(llm={}, agent={"system_prompt_filename": name}).agent.text
