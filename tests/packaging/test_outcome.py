"""What a published package says of how it did in acceptance: its README, and of a rejected one its configuration."""

import hashlib
import json

import pytest
import yaml
from tests_support import PLAN, registry, write_roman

from agenthands.llm.settings import ModelSettings
from agenthands.packaging.package import assemble_agent, with_outcome
from agenthands.schemas import Acceptance, CaseResult, Plan

MODEL = ModelSettings(model="openai/gpt-5")
CONFIG = "src/roman_helper_agent/configs/config.yml"
LONG = {"id": "long", "query": "What is 1994? " + "And why? " * 40, "expected_behavior": "?"}
CHOICE = {"assumptions": ["Years are those of the common era."], "test_cases": [LONG, *PLAN["test_cases"]]}
KINDS = registry({"tool_calling_agent": {"tool_names": ("functions_and_groups", False)}}, ["current_datetime"])


@pytest.fixture
def told(tmp_path):
    """Return the files of a package before acceptance, and a function that gives those after it."""
    plan = Plan.model_validate({**PLAN, **CHOICE, "mcp_servers": []})
    tools = {"roman_numeral": write_roman(tmp_path / "tool")}
    files = assemble_agent(plan, tools, [], KINDS, "nvidia-nat==1.9.0\n", MODEL)
    return files, lambda tried: with_outcome(files, plan, [], MODEL, tried)


def case(name, answer="MCMXCIV", passed=True, called=("roman_numeral",)):
    return CaseResult(id=name, passed=passed, answer=answer, checks=[], tools_called=list(called), seconds=1)


def readme(files):
    return files["README.md"].decode()


def test_nothing_that_runs_changes_and_the_hashes_are_those_of_the_files(told):
    before, after = told
    for tried in (
        Acceptance(passed=True, cases=[case("year"), case("long")]),
        Acceptance(passed=False, reason="1 of 2 test cases failed: year", cases=[case("year", passed=False)]),
    ):
        files = after(tried)
        changed = {name for name in before if files[name] != before[name]}
        assert changed == {"README.md", "build.json"} | (set() if tried.passed else {CONFIG})
        assert yaml.safe_load(files[CONFIG]) == yaml.safe_load(before[CONFIG])
        hashes = json.loads(files["build.json"])["files"]
        assert hashes == {name: hashlib.sha256(files[name]).hexdigest() for name in files if name != "build.json"}


def test_the_example_is_a_short_question_and_the_answer_it_got(told):
    text = readme(told[1](Acceptance(passed=True, cases=[case("long", "long"), case("year", "It is\n```\n# MCMXCIV")])))
    assert ".venv/bin/ask 'What is 1994 in Roman numerals?'" in text
    assert "it answered this:\n\n    It is\n    ```\n    # MCMXCIV\n" in text
    assert "2 of 2 test cases passed in acceptance" in text
    assert "- Years are those of the common era." in text
    assert "REJECTED" not in text


def test_what_was_not_tried_is_named(told):
    late = case("long", passed=False).model_copy(update={"state": "not_tried"})
    text = readme(told[1](Acceptance(passed=True, cases=[case("year"), late], unreached=["time__convert_time"])))
    assert "- 1 of 2 test cases passed in acceptance" in text
    assert "- Not tried, because the network was closed: `long`.\n" in text
    assert "- Never reached, so that what they answer was only imagined: `time__convert_time`.\n" in text


def test_before_acceptance_and_of_a_rejected_agent_there_is_no_answer(told):
    before, after = told
    rejected = after(Acceptance(passed=False, reason="1 of 2 failed", cases=[case("year"), case("long", passed=False)]))
    for files in (before, rejected):
        assert "it answered this" not in readme(files)
        assert ".venv/bin/ask 'What is 1994 in Roman numerals?'" in readme(files)


def test_a_rejected_agent_says_so_first(told):
    reason = "1 of 2 test cases failed: year\n# ${HOME} <b>"
    files = told[1](Acceptance(passed=False, reason=reason, cases=[case("year", passed=False), case("long")]))
    lines = readme(files).splitlines()
    assert lines[2] == "**This agent was REJECTED:** 1 of 2 test cases failed: year # ${HOME} &lt;b>."
    first = files[CONFIG].decode().splitlines()[0]
    assert first == "# REJECTED: 1 of 2 test cases failed: year # $ {HOME} <b>. README.md says more."


def test_an_agent_that_nat_does_not_load_is_offered_to_nobody(told):
    refused = Acceptance(passed=False, reason="NAT cannot load the agent: x", reason_code="agent_not_loaded")
    text = readme(told[1](refused))
    assert "**This agent was REJECTED:** NAT cannot load the agent: x." in text
    assert "it cannot be asked" in text
    for offer in ("## Ask it", "## Serve it", "bin/ask", "nat run", "docker compose"):
        assert offer not in text
