"""Every prompt renders, with exactly the variables that its first line names."""

import json
import re

import pytest
from jinja2 import Environment, UndefinedError, meta
from tests_support import ROMAN_SPEC

from agenthands.environments.nat_registry import BuiltinSchema
from agenthands.llm.prompts import prompt_hashes, prompts_folder, render
from agenthands.mcp.catalogue import load_catalogue
from agenthands.mcp.offer import offer_servers
from agenthands.openapi.offer import ApiOffer, ShownOperation
from agenthands.schemas import Check, CodingResult, GateReport, TestCase, Tokens, ToolSpec, World
from agenthands.schemas.data_profile import Column, DataSource, FileProfile, Table, UserData

TOOL = ToolSpec.model_validate(ROMAN_SPEC)
REPORT = GateReport(
    tool="roman_numeral",
    accepted=False,
    seconds=1,
    checks=[
        Check(name="files", passed=True, detail="fine"),
        Check(name="tests", passed=False, detail="1 of 3 tests failed: assert 'IIII' == 'IV'"),
    ],
)
DAY = Column(name="day", type="DATE")
CASE = TestCase(id="year", query="What is 1994?", expected_behavior="Calls the tool.")
DATA = UserData(
    sources=[
        DataSource(
            name="sales",
            path="/data/sales.csv",
            files=[FileProfile(name="sales.csv", kind="csv", bytes=15, tables=[Table(columns=[DAY], rows=1)])],
        )
    ],
    world=World(files={"sales.csv": "day\n2027-02-01\n"}, origin="recorded"),
)
LIST_PETS = ShownOperation(
    "list_pets", "Pets", "GET /pets", "writes", "All of them.", ["limit?: integer"], "[{id}]", "{} -> 200 []"
)
LATE = CodingResult(status="out_of_time", reason="the limit", cost_usd=None, tokens=Tokens(), seconds=1, steps=1)
SAMPLES = {
    "plan/system.md.j2": ({"schema": '{"type": "object"}'}, ['{"type": "object"}', "held", "tool_called"][::2]),
    "plan/user.md.j2": (
        {
            "request": "Roman <numerals> & {{ more }}",
            "fence": "----------",
            "agent_types": {"tool_calling_agent": "Calls tools."},
            "builtin_tools": {"current_datetime": BuiltinSchema(about="The time.")},
            "models": {"": "openai/big", "fast": "openai/small (0.10 US dollars ...): plain texts"},
            "servers": offer_servers(load_catalogue(), "time zones, and annual reports", 6),
        },
        ["Roman <numerals> & {{ more }}", "tool_calling_agent", "- fast: openai/small", "SEC_EDGAR_USER_AGENT"],
    ),
    "plan/data.md.j2": (
        {"data": DATA, "fence": "----------", "world": "data_sample", "texts": {}},
        ["sales in `files`", "day DATE", "sales.csv\n----------\nday\n2027-02-01\n----------\n", "`data_sample`"],
    ),
    "plan/operations.md.j2": (
        {
            "fence": "----------",
            "offer": ApiOffer([LIST_PETS], [("add_pet", "POST /pets")], 7),
        },
        [
            "- list_pets [writes]: GET /pets of Pets. All of them.\n  - limit?: integer\n",
            "- add_pet: POST /pets",
            "7 more",
        ],
    ),
    "plan/probe.md.j2": (
        {
            "request": "Weather",
            "fence": "----------",
            "hosts": {"a.example": ["A_KEY"]},
            "most": 8,
            "schema": "{}",
            "found": "what came",
        },
        ["- a.example, with the keys A_KEY\n", "${NAME}", "at most 8", "what came"],
    ),
    "plan/recorded.md.j2": (
        {"probes": ["probe-1: GET https://a.example/"], "fence": "----------"},
        ["----------\nprobe-1: GET https://a.example/\n----------\n", '{"recorded": "probe-1"}'],
    ),
    "plan/repair.md.j2": (
        {"stories": {"year": "answered: IV"}, "fence": "----------", "agreed": ["old"], "wished": "Say it in words."},
        ["Case year:\n\n----------\nanswered: IV\n----------\n", "`changes`", "are: old.", "Say it in words."],
    ),
    "plan/revise.md.j2": (
        {
            "change": "Say it in words.",
            "keeps": True,
            "stories": {"a": "asked: 4"},
            "background": {"b": "asked: 5"},
            "cases": '[{"id": "feedback-a"}]',
            "examples": '[{"tool": "roman"}]',
            "fence": "----------",
        },
        [
            "\n----------\nSay it in words.\n----------\n",
            "Feedback a:",
            "nobody has decided",
            "feedback-a",
            "`retired`",
        ],
    ),
    "plan/complaints.md.j2": ({"complaints": ["scaffold: no", "name: no"]}, ["- scaffold: no\n- name: no\n"]),
    "generate/system.md.j2": ({"max_steps": 60, "min_tests": 3}, ["at most 60 steps", "at least 3;", "FunctionInfo"]),
    "generate/task.md.j2": (
        {"tool": TOOL, "workspace": "/w/s", "spec": json.dumps(ROMAN_SPEC)},
        ["Tool: roman_numeral\nWorkspace: /w/s\n", "MCMXCIV", "/w/s/nat_tools/roman_numeral.py"],
    ),
    "arbitrate/system.md.j2": ({"tool": "roman"}, ["the tool `roman`", "which side is wrong", '"wrong": "example"']),
    "arbitrate/user.md.j2": (
        {
            "specification": '{"name": "roman_numeral"}',
            "source": "def f(): ...",
            "fence": "````",
            "contradictions": [{"index": 2, "arguments": '{"number": 4}', "specified": '"VI"', "found": '"IV"'}],
        },
        ["## Example 2\n", 'The example says: "VI"\nThe tool says: "IV"\n', "````python\ndef f(): ...\n````\n"],
    ),
    "arbitrate/complaint.md.j2": ({"complaint": "no JSON"}, ["cannot be read as a ruling: no JSON"]),
    "trial/form.md.j2": ({"schema": '{"type": "object"}'}, ['{"type": "object"}', "`add_lines`"]),
    "trial/long.md.j2": (
        {"word": "heron", "lines": 3, "last": 500},
        ["The word is heron.", "\n3. In this line", "from 1 to 500"],
    ),
    "trial/coder.md.j2": (
        {"workspace": "/w", "file": "answer.py", "notes": "notes.txt"},
        ["`/w/notes.txt`", "`/w/answer.py`"],
    ),
    "trial/agent.md.j2": ({"tool": "weather", "cities": ["Oslo", "Rome"]}, ["in Oslo and in Rome", "`weather`"]),
    "answer/continue.md.j2": ({"end": '"expected": 3'}, ['"expected": 3\n', "next character"]),
    "judge/system.md.j2": ({"fence": "~~~~"}, ["You judge one answer", "between lines of `~~~~`"]),
    "judge/user.md.j2": (
        {"case": CASE, "answer": "MCMXCIV", "calls": "- roman_numeral {} -> I", "fence": "~~~"},
        ["Expected: Calls the tool.", "~~~\nMCMXCIV\n~~~", "~~~\n- roman_numeral {} -> I\n~~~"],
    ),
    "repair/feedback.md.j2": (
        {
            "tool": "roman_numeral",
            "report": REPORT,
            "corrected": [{"arguments": '{"number": 4}'}],
            "confirmed": [{"arguments": '{"number": 9}', "reason": "9 is IX."}],
            "attempt": 1,
            "max_attempts": 3,
            "coding": LATE,
        },
        [
            "attempt 1 of 3",
            "ended early: the limit",
            "assert 'IIII' == 'IV'",
            'arguments {"number": 4} was wrong; `spec.json` now has it right.\n',
            'arguments {"number": 9}, and says that the tool is wrong. The reason: 9 is IX.\n',
        ],
    ),
}


def test_every_prompt_has_a_sample():
    files = [path.relative_to(prompts_folder()).as_posix() for path in prompts_folder().rglob("*.j2")]
    assert sorted(files) == sorted(SAMPLES)
    assert sorted(prompt_hashes()) == sorted(name for name in files if not name.startswith("trial/"))


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_prompt_renders(name):
    values, expected = SAMPLES[name]
    text = render(name, **values)
    for part in expected:
        assert part in text
    assert "{#" not in text
    assert not re.search(r"\n{4,}", text)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_its_first_line_names_what_it_needs(name):
    source = (prompts_folder() / name).read_text()
    named = re.match(r"\{# needs: (.*) #\}\n", source).group(1).split(", ")
    used = meta.find_undeclared_variables(Environment().parse(source))
    assert set(named) == used == set(SAMPLES[name][0])


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_missing_variable_is_an_error(name):
    with pytest.raises(UndefinedError):
        render(name)


def test_feedback_names_failures_alone():
    values, _ = SAMPLES["repair/feedback.md.j2"]
    assert "## files" not in render("repair/feedback.md.j2", **values)


def test_the_coder_reads_what_was_written_for_it_in_the_place_of_what_must_stay_hidden():
    checks = [
        Check(name="held_out", passed=False, detail="for SECRET it gave 4", for_coder="- 1 returned a wrong result"),
        Check(name="tests", passed=False, detail="1 of 3 tests failed"),
    ]
    sample, _ = SAMPLES["repair/feedback.md.j2"]
    said = render("repair/feedback.md.j2", **{**sample, "report": REPORT.model_copy(update={"checks": checks})})
    assert "SECRET" not in said
    assert "- 1 returned a wrong result" in said
    assert "1 of 3 tests failed" in said
