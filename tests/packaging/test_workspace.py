"""A tool of a fetched agent as the gate wants it: the plan's specification, the files as they lie there now."""

import json

import pytest
from tests_support import PLAN, ROMAN_TESTS, ROMAN_TOOL

from agenthands.errors import RequestInvalid
from agenthands.packaging.workspace import is_fetched, tool_workspace, tools_of


@pytest.fixture
def agent(tmp_path):
    folder = tmp_path / "agent"
    for path, text in {
        "build.json": json.dumps({"plan": PLAN}),
        "src/roman_helper_agent/tools/roman_numeral.py": ROMAN_TOOL,
        "tests/test_roman_numeral.py": ROMAN_TESTS.replace("nat_tools", "roman_helper_agent.tools"),
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def test_an_edited_tool_is_laid_out_with_its_specification(agent, tmp_path):
    source = agent / "src/roman_helper_agent/tools/roman_numeral.py"
    source.write_text(source.read_text() + "# edited\n")
    assert (is_fetched(agent), tools_of(agent)) == (True, ["roman_numeral"])
    place = tool_workspace(agent, "roman_numeral", tmp_path / "place")
    assert (place / "nat_tools/roman_numeral.py").read_text().endswith("# edited\n")
    assert (place / "tests/test_roman_numeral.py").read_text() == ROMAN_TESTS
    assert json.loads((place / "spec.json").read_text())["name"] == "roman_numeral"


def test_what_is_missing_is_named(agent, tmp_path, agenthands):
    with pytest.raises(RequestInvalid, match="has no tool 'other'"):
        tool_workspace(agent, "other", tmp_path / "place")
    (agent / "tests/test_roman_numeral.py").unlink()
    with pytest.raises(RequestInvalid, match=r"test_roman_numeral\.py cannot be read"):
        tool_workspace(agent, "roman_numeral", tmp_path / "place")
    (agent / "build.json").write_text("{}")
    code, _, err = agenthands("check", str(agent))
    assert (code, "is not that of an agent" in err) == (2, True)
    code, _, err = agenthands("check", str(tmp_path), "--tool", "roman_numeral")
    assert (code, "no fetched agent" in err) == (2, True)
