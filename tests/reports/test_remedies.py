"""A tool that is given up: why, where the last report lies, and what to change in the request."""

import pytest
from sample_records import gate, plan, record, tool

from agenthands.coding.tool_coder import no_progress
from agenthands.reports.remedies import tool_advice, what_to_change
from agenthands.reports.summary import next_steps
from agenthands.schemas import Check, CodingResult, GateReport, Tokens

NAME = "convert_currency"


def turn(status, *failed, reason=""):
    """Return an attempt: how it ended, and the checks that failed, each as (name, detail)."""
    coding = CodingResult(status=status, reason=reason, cost_usd=0.0, tokens=Tokens(), seconds=1, steps=1)
    checks = [Check(name=name, passed=False, detail=detail) for name, detail in failed]
    return coding, GateReport(tool=NAME, accepted=not failed, seconds=1, checks=checks)


TESTS_1, TESTS_2 = ("tests", "1 of 5 tests passed."), ("tests", "4 of 5 tests passed.")
NO_FILES = ("files", "nat_tools/convert_currency.py: No such file or directory.")


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([turn("stuck", TESTS_1)], ""),
        ([turn("stuck", TESTS_1), turn("stuck", TESTS_2)], "stuck"),
        ([turn("stuck", TESTS_1), turn("finished", TESTS_2)], ""),
        ([turn("finished", TESTS_1), turn("finished", TESTS_2)], ""),
        ([turn("finished", TESTS_1), turn("stuck", TESTS_1)], "no_progress"),
        ([turn("refused", NO_FILES), turn("refused", NO_FILES)], "refused"),
        ([turn("out_of_steps", TESTS_1), turn("out_of_steps", TESTS_2)], "out_of_steps"),
        ([turn("out_of_time", TESTS_1), turn("out_of_time", TESTS_2)], "out_of_time"),
        ([turn("finished", NO_FILES)] * 2, "no_files"),
    ],
)
def test_when_a_further_attempt_is_not_made(turns, said):
    assert no_progress(turns, written=NO_FILES not in [(e.name, e.detail) for e in turns[-1][1].checks]) == said


def rejected(*failed, **changes):
    checks = [Check.model_validate({"name": name, "passed": False, **more}) for name, more in failed]
    report = GateReport(tool=NAME, accepted=False, seconds=1, checks=checks)
    return tool(NAME, status="rejected", attempts=2, gate=report, **changes)


def advice(name, detail="", **more):
    planned = next(each for each in plan().custom_tools if each.name == NAME)
    return what_to_change(rejected((name, {"detail": detail, **more})), planned)


def test_a_failed_example_is_named_with_both_sides():
    planned = next(each for each in plan().custom_tools if each.name == NAME)
    example = planned.examples[0].model_dump(mode="json")
    said = advice("held_out", contradicted=[{"example": 0, "call": {"result": "ten `rm` euros"}}])
    assert "it gives \"ten 'rm' euros\" for {" in said
    assert all(f'"{name}"' in said for name in example["arguments"])
    assert "where the plan says that it " in said
    assert "say in the request exactly what it must do there" in said
    raised = advice("examples", contradicted=[{"example": 0, "call": {"raises": ["KeyError", "Exception"]}}])
    assert raised.startswith("it raises KeyError for {")
    assert advice("examples", contradicted=[{"example": 99, "call": {}}]).startswith("state its examples")


@pytest.mark.parametrize(
    ("check", "code", "said"),
    [
        ("files", "not_written", "leaves no files, so choose a stronger model"),
        ("files", "", "make the request or its examples more exact"),
        ("hygiene", "undeclared_network", "say in the request that this tool may use it"),
        ("hygiene", "undeclared_package", "name in the request the packages"),
        ("mutation", "", "its own tests are not good enough (mutation)"),
        ("tests", "", "`--coder`"),
        ("schema", "", "simpler arguments"),
    ],
)
def test_what_to_change_by_what_failed(check, code, said):
    assert said in advice(check, reason_code=code)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("tool_budget_reached", "`--tool-budget`"),
        ("content_filtered", "in other words"),
        ("context_exceeded", "larger context window"),
    ],
)
def test_why_it_was_given_up_comes_first(code, said):
    assert said in what_to_change(rejected(("files", {"detail": "No such file"}), reason_code=code), None)


def test_the_last_report_and_the_trajectory_are_shown_where_they_are_kept():
    kept = {f"tools/{NAME}/gate-2.json": "a", f"trajectories/{NAME}.jsonl": "b"}
    said = tool_advice(rejected(("mutation", {})), plan(), kept)
    assert f"(`tools/{NAME}/gate-2.json`, what its agent did is in `trajectories/{NAME}.jsonl`): its own tests" in said
    assert "trajector" not in tool_advice(rejected(("mutation", {})), plan(), {})


def test_every_rejected_tool_has_its_own_step():
    wrong = [tool(name, wrong=("mutation",)) for name in (NAME, "parse_date")]
    steps = next_steps(record(status="rejected", reason="x", tools=wrong, acceptance=None, files={}))
    assert [step.split(":")[0] for step in steps[:2]] == [
        f"Look at what the gate says about {NAME}",
        "Look at what the gate says about parse_date",
    ]
    assert gate(NAME, wrong=("mutation",)).failures()
