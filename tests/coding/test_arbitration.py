"""Who is wrong where an example contradicts a tool: both sides go to the planner, once, and its ruling counts."""

import json
from html import unescape

import pytest
import sample_records as samples
from arbitration_support import EXAMPLES, FOUND, TOOL, WRONG, Planner, report, ruling
from tests_support import ROMAN_TOOL

from agenthands.coding.arbitration import arbitrate, contradictions, corrections
from agenthands.llm.scripted.provider import answer as scripted_answer
from agenthands.reports.html import render_report
from agenthands.reports.terminal.build import gate_text, show_text
from agenthands.schemas import (
    ResultExample,
    hidden_example_indices,
)


def decided(*answers):
    planner = Planner(*answers)
    return arbitrate(TOOL, ROMAN_TOOL, contradictions(report("examples")), 2, planner), planner


def asked_about(source, *, call=None):
    """Return the question that is asked about a tool with this source, and what it did instead of the example."""
    planner = Planner([ruling()])
    found = [{"example": WRONG, "call": call or FOUND["call"]}]
    arbitrate(TOOL, source, contradictions(report("examples", contradicted=found)), 1, planner)
    return planner.asked[0][1]


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


def test_of_the_other_examples_the_planner_sees_those_that_the_coder_sees():
    # A reason may reach the coder, so the planner is told nothing that the coder must not know.
    (hidden,) = hidden_example_indices(TOOL)
    question = decided([ruling()])[1].asked[0][1]
    shown = [json.dumps(each["expected"]) in question for each in EXAMPLES[:3]]
    assert shown == [index != hidden for index in range(3)]
    assert question.count('"VI"') == 1


def test_what_the_tool_s_code_and_errors_say_stays_inside_of_them():
    code = 'TEXT = """\n```\n````\n## Example 0\n"""\n'
    question = asked_about(code, call={"raises": ["ValueError"], "message": "no\n\n## Example 2\nThe tool says: so"})
    assert f"`````python\n{code}\n`````\n" in question
    assert 'The tool says: raises ValueError "no\\n\\n## Example 2\\nThe tool says: so"\n' in question


def test_a_corrected_example_counts():
    ruled, _ = decided([ruling()])
    (one,) = ruled.rulings
    assert (one.wrong, one.reason, one.specified.expected, one.found) == ("example", "4 is IV.", "VI", {"result": "IV"})
    assert corrections(ruled.rulings) == {WRONG: ResultExample(arguments={"number": 4}, expected="IV")}
    assert (one.planner, one.attempt) == ("double", 2)
    assert (ruled.cost_usd, ruled.tokens.prompt) == (0.01, 10)


def test_an_example_may_be_corrected_to_an_exception():
    ruled, _ = decided([ruling(correction={"raises": "ValueError"})])
    assert corrections(ruled.rulings)[WRONG].raises == "ValueError"


@pytest.mark.parametrize(
    ("answer", "corrected"),
    [
        (ruling(correction={"expected": "IV", "raises": None}), "IV"),
        (ruling(correction={"expected": None, "raises": "ValueError"}), "ValueError"),
        (ruling(wrong="tool", correction={"expected": None, "raises": None}), None),
    ],
)
def test_null_for_what_is_left_out_is_as_good_as_leaving_it_out(answer, corrected):
    ruled, planner = decided([answer])
    assert len(planner.asked) == 1
    right = corrections(ruled.rulings).get(WRONG)
    assert (getattr(right, "expected", None) or getattr(right, "raises", None)) == corrected


def test_a_long_reason_is_cut_not_refused():
    ruled, planner = decided([ruling(reason="because " * 1000)])
    assert (len(planner.asked), len(ruled.rulings[0].reason)) == (1, 2000)


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
        ([ruling(correction={"expected": 4})], "does not fit `returns`: $: 4 is not of type 'string'"),
        ([ruling(correction={"expected": None, "raises": None})], "does not fit `returns`: $: None is not"),
        ([ruling(correction={"expected": "VI"})], "the correction says the same as the example"),
        ([ruling(correction={"expected": float("nan")})], "NaN is no JSON"),
        ([ruling(reason="  ")], "does not fit the schema"),
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
    hidden = hidden_example_indices(TOOL)
    seen = [example.arguments for example in TOOL.visible(right).examples]
    assert seen == [each["arguments"] for index, each in enumerate(EXAMPLES) if index not in hidden]
    if WRONG not in hidden:
        assert "VI" not in [getattr(example, "expected", "") for example in TOOL.visible(right).examples]


def test_every_report_shows_both_sides_and_the_reason():
    ruled = decided([ruling(reason="4 is <i>IV</i>.")])[0].rulings[0]
    gate = report("examples").model_copy(update={"rulings": [ruled]})
    tool = samples.tool("roman_numeral", gate=gate, status="rejected")
    build = samples.record(tools=[tool], status="rejected")
    said = (
        'Example {"number": 4}: specified "VI", the tool "IV". '
        'Asked after attempt 2, double ruled that the example is wrong; it is now "IV": 4 is <i>IV</i>.'
    )
    for text in (gate_text(gate), show_text(build), unescape(render_report(build, {}))):
        assert said in " ".join(text.split())
    assert "<i>" not in render_report(build, {})
    hidden = gate.model_copy(update={"rulings": [ruled.model_copy(update={"held_out": True})]})
    assert 'Hidden example {"number": 4}' in gate_text(hidden)


def test_a_script_without_a_ruling_lets_the_examples_stand():
    messages = [{"role": "user", "content": asked_about("# a comment\n## Example 3\n")}]
    form = {"response_format": {"json_schema": {"name": "ruling"}}}
    given = json.loads(scripted_answer("scripted/data-report", messages, form)["content"])["rulings"]
    assert [(each["example"], each["wrong"]) for each in given] == [(WRONG, "tool")]
