"""Who is wrong where an example contradicts a tool: both sides go to the planner, once, and its ruling counts."""

import json

import pytest
from tests_support import ROMAN_SPEC, ROMAN_TOOL, write_roman

from agenthands.arbitration import arbitrate, contradictions, corrections
from agenthands.models import Check, CustomTool, GateReport, ResultExample, Tokens, held_out_indices
from agenthands.ports import ChatAnswer
from agenthands.prompting import render
from agenthands.terminal_report import gate_text

WRONG = 1  # the example for 4 says VI
EXAMPLES = [
    {**each, "expected": "VI"} if each["arguments"] == {"number": 4} else each for each in ROMAN_SPEC["examples"]
]
TOOL = CustomTool.model_validate({**ROMAN_SPEC, "examples": EXAMPLES})
FOUND = {"example": WRONG, "call": {"result": "IV"}}


class Planner:
    """The double of the model: gives its answers one by one and keeps what it was asked."""

    name = "double"

    def __init__(self, *answers):
        self.answers = [each if isinstance(each, str) else json.dumps({"rulings": each}) for each in answers]
        self.asked = []

    def ask(self, messages, schema_name, schema):
        self.asked.append([message["content"] for message in messages])
        return ChatAnswer(self.answers[len(self.asked) - 1], 0.01, Tokens(prompt=10, completion=1))


def ruling(**changes):
    return {"example": WRONG, "wrong": "example", "correction": {"expected": "IV"}, "reason": "4 is IV.", **changes}


def report(*names, **extra):
    checks = [
        Check.model_validate({"name": name, "passed": False, "contradicted": [FOUND], **extra})
        if name in ("examples", "held_out")
        else Check(name=name, passed=False)
        for name in names
    ]
    return GateReport(tool="roman_numeral", accepted=False, seconds=1, checks=checks)


def decided(*answers):
    planner = Planner(*answers)
    return arbitrate(TOOL, ROMAN_TOOL, contradictions(report("examples")), planner), planner


def test_only_a_tool_that_passes_everything_else_is_argued_about():
    assert [each.index for each in contradictions(report("held_out"))] == [WRONG]
    assert contradictions(report("examples", "tests")) == []
    assert contradictions(report()) == []
    assert contradictions(report("examples", contradicted=[])) == []  # it could not be called at all


def test_the_planner_sees_both_sides_and_the_tool():
    _, planner = decided([ruling()])
    question = planner.asked[0][1]
    assert f"## Example {WRONG}\n" in question
    assert 'Arguments: {"number": 4}\nThe example says: "VI"\nThe tool says: "IV"\n' in question
    assert "def to_roman" in question
    assert "MMMCMXCIX" not in question  # the other examples are no part of the question


def test_a_corrected_example_counts():
    ruled, _ = decided([ruling()])
    (one,) = ruled.rulings
    assert (one.wrong, one.reason, one.specified.expected, one.found) == ("example", "4 is IV.", "VI", {"result": "IV"})
    assert corrections(ruled.rulings) == {WRONG: ResultExample(arguments={"number": 4}, expected="IV")}
    assert (ruled.cost_usd, ruled.tokens.prompt) == (0.01, 10)


def test_an_example_may_be_corrected_to_an_exception():
    ruled, _ = decided([ruling(correction={"raises": "ValueError"})])
    assert corrections(ruled.rulings)[WRONG].raises == "ValueError"


def test_where_the_tool_is_wrong_nothing_is_corrected():
    ruled, _ = decided([ruling(wrong="tool", correction=None)])
    assert corrections(ruled.rulings) == {}
    assert ruled.rulings[0].wrong == "tool"


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("I think the tool is right.", "does not fit the schema"),
        ([], "exactly one ruling for each"),
        ([ruling(), ruling()], "exactly one ruling for each"),
        ([ruling(example=0)], "exactly one ruling for each"),
        ([ruling(correction=None)], "give its correction"),
        ([ruling(wrong="tool")], "the correction is null"),
        ([ruling(correction={})], "either `expected` or `raises`"),
        ([ruling(correction={"expected": "IV", "raises": "ValueError"})], "either `expected` or `raises`"),
        ([ruling(correction={"expected": 4})], "does not fit `returns`: 4 is not of type 'string'"),
        ([ruling(correction={"raises": "os.system('x')"})], "does not fit the schema"),
    ],
)
def test_an_answer_that_is_no_ruling_is_sent_back_once_and_then_the_example_stands(answer, complaint):
    ruled, planner = decided(answer, [ruling()])
    assert complaint in planner.asked[1][3]
    assert ruled.rulings[0].wrong == "example"
    stubborn, planner = decided(answer, answer)
    assert len(planner.asked) == 2
    assert stubborn.rulings[0].wrong == "tool"
    assert stubborn.rulings[0].reason.startswith("The planner gave no usable ruling")
    assert stubborn.cost_usd == 0.02


def test_a_corrected_specification_hides_the_same_examples():
    right = corrections(decided([ruling()])[0].rulings)
    hidden = held_out_indices(TOOL)
    seen = [example.arguments for example in TOOL.visible(right).examples]
    assert seen == [each["arguments"] for index, each in enumerate(EXAMPLES) if index not in hidden]
    if WRONG not in hidden:
        assert "VI" not in [getattr(example, "expected", "") for example in TOOL.visible(right).examples]


def test_the_coder_reads_the_reason_of_a_visible_example_alone():
    ruled = decided([ruling(wrong="tool", correction=None, reason="Because so.")])[0].rulings[0]
    for held_out in (False, True):
        judged = report("examples").model_copy(update={"rulings": [ruled.model_copy(update={"held_out": held_out})]})
        text = render("repair/feedback.md.j2", tool="x", report=judged, attempt=1, max_attempts=3,
                      coding=type("Coding", (), {"status": "finished", "reason": ""}))  # fmt: skip
        assert ("Because so." in text) is not held_out


def test_a_report_shows_both_sides_and_the_reason():
    ruled = decided([ruling()])[0].rulings
    text = " ".join(gate_text(report("examples").model_copy(update={"rulings": list(ruled)})).split())
    kind = "Hidden example" if ruled[0].held_out else "Example"
    assert (
        f'{kind} {{"number": 4}}: specified "VI", the tool "IV". The planner ruled that the example is wrong;' in text
    )
    assert 'it is now "IV": 4 is IV.' in text


@pytest.mark.slow
def test_in_a_build_the_tool_is_judged_again_with_the_ruling(tmp_path, nat_environment, monkeypatch):
    """The flow of one tool under Prefect, the gate and the sandbox real, coder and planner doubles."""
    from prefect.testing.utilities import prefect_test_harness

    from agenthands.models import BuildOptions, BuildRequest, CodingResult
    from agenthands.workplace import Build
    from flows.build_tool import build_tool
    from tasks import wiring

    planner = Planner([ruling()])

    class Coder:
        turns = 0

        def work(self, task):
            self.turns += 1
            write_roman(tmp_path / "made")
            for path in ("nat_tools/roman_numeral.py", "tests/test_roman_numeral.py"):
                (task.workspace / path).write_text((tmp_path / "made" / path).read_text())
            return CodingResult(status="finished", cost_usd=0.5, tokens=Tokens(), seconds=1, steps=2)

    coder = Coder()
    monkeypatch.setattr(wiring, "coder_for", lambda settings: coder)
    monkeypatch.setattr(wiring, "planner_for", lambda settings: planner)
    request = BuildRequest(request="Roman numerals", **BuildOptions(planner="scripted/financial-research").model_dump())
    build = Build(build_id="b", request=request, folder=tmp_path / "build")
    with prefect_test_harness():
        outcome = build_tool(build, TOOL, nat_environment, 1)
    assert (outcome.status, outcome.attempts, coder.turns, len(planner.asked)) == ("accepted", 1, 1, 1)
    assert outcome.cost_usd == 0.51
    assert [each.reason for each in outcome.gate.rulings] == ["4 is IV."]
    specification = (build.workspace("roman_numeral") / "spec.json").read_text()
    assert '"VI"' not in specification
