"""From what the harness measured about the coder's tests to checks."""

import pytest
from tests_support import ROMAN_SPEC

from agenthands.gate.checks.isolation import isolation_finding
from agenthands.gate.checks.mutation import mutation_finding
from agenthands.gate.checks.repeatable import repeatable_finding
from agenthands.gate.checks.stub import stub_finding
from agenthands.gate.checks.test_suite import suite_finding
from agenthands.gate.harness_client import Answers
from agenthands.gate.mutation.mutants import Mutant
from agenthands.schemas import ToolSpec


def run(ok=True, failures=(), **outcomes):
    return {"ok": ok, "outcomes": outcomes, "failures": list(failures), "exit_code": 0 if ok else 1}


PASSED = run(a="passed", b="passed", c="passed", d="passed")


@pytest.mark.parametrize(
    ("answer", "passed", "detail"),
    [
        (PASSED, True, "4 tests passed"),
        (run(a="passed", b="passed"), False, "2 of 2 tests assert what the tool's functions give; 3 must."),
        (run(a="passed", b="passed", c="passed", d="skipped"), False, "skipped: d"),
        (run(ok=False, failures=["assert 1 == 2"], a="failed"), False, "assert 1 == 2"),
        ({"ok": False, "outcomes": {}, "failures": [], "exit_code": 5}, False, "exit code 5"),
        ({"ok": False, "error": "still running after 60 s"}, False, "still running"),
    ],
)
def test_a_test_run_is_judged(answer, passed, detail):
    check = suite_finding(answer, run(ok=False, **dict.fromkeys(answer.get("outcomes", ()), "failed")))
    assert check.passed is passed
    assert detail in check.detail


def test_tests_that_pass_with_a_hollow_tool_do_not_count():
    check = suite_finding(PASSED, run(ok=False, a="passed", b="passed", c="failed", d="failed"))
    assert not check.passed
    assert check.detail.startswith("2 of 4 tests assert")
    assert check.detail.endswith("every function of the tool returns None: a, b.")


def test_the_numbers_of_tests_say_what_was_counted():
    hollow = run(ok=False, a="passed", b="failed", c="failed", d="failed")
    said = suite_finding(PASSED, hollow).detail
    assert said == "4 tests passed; 3 of them fail where the tool's functions return None, not a."
    said = suite_finding(PASSED, run(ok=False, a="failed", b="failed", c="failed", d="error")).detail
    assert said == "4 tests passed; 4 of them fail where the tool's functions return None."


@pytest.mark.parametrize("hollow", [run(ok=False, file="error"), {"ok": False, "error": "still running after 60 s"}])
def test_tests_that_never_ran_are_not_counted_as_having_noticed(hollow):
    check = suite_finding(PASSED, hollow)
    assert (check.passed, check.detail) == (True, "4 tests passed.")
    assert not suite_finding(run(a="passed", b="passed"), hollow).passed


def test_isolation_names_how_it_failed():
    assert isolation_finding(PASSED, PASSED).passed
    assert "Run alone" in isolation_finding(run(ok=False, failures=["boom"]), PASSED).detail
    assert "boom" in isolation_finding(run(ok=False, failures=["boom"]), PASSED).detail
    assert "in reverse order" in isolation_finding(PASSED, {"ok": False, "error": "lost"}).detail


def answers(**changes):
    calls = {"ok": True, "calls": [{"result": 1.0}, {"raises": ["ValueError"], "message": "at 12:00"}]}
    first = {"tests": PASSED, "again": PASSED, "calls": calls}
    repeated = {"tests": PASSED, "calls": calls, **changes.pop("repeated", {})}
    return Answers({**first, **changes}, repeated)


TOOL = ToolSpec.model_validate(
    {
        **ROMAN_SPEC,
        "examples": [
            {"arguments": {"number": 1}, "expected": 1},
            {"arguments": {"number": 0}, "raises": "ValueError"},
        ],
    }
)


def test_the_same_verdicts_are_repeatable_and_messages_may_differ():
    other = {"ok": True, "calls": [{"result": 1}, {"raises": ["ValueError"], "message": "at 13:00"}]}
    assert repeatable_finding(answers(repeated={"calls": other}), TOOL).passed


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"again": run(ok=False, failures=["later"], a="failed")}, "a second time"),
        ({"repeated": {"tests": run(ok=False, failures=["date"], a="failed")}}, "another hash seed and another date"),
        ({"repeated": {"tests": {"ok": False, "error": "lost"}}}, "lost"),
        (
            {"repeated": {"calls": {"ok": True, "calls": [{"result": 2}, {"result": 3}]}}},
            '{"number": 1} the tool gives',
        ),
        ({"repeated": {"calls": {"ok": False, "error": "gone"}}}, "gone"),
    ],
)
def test_what_is_not_repeatable_is_named(changed, detail):
    check = repeatable_finding(answers(**changed), TOOL)
    assert not check.passed
    assert detail in check.detail


def test_a_stub_that_passes_is_named():
    names = ["returns None", "raises"]
    assert stub_finding(names, {"stub: raises": run(ok=False), "stub: returns None": run(ok=False)}).passed
    check = stub_finding(names, {"stub: raises": run(ok=False), "stub: returns None": PASSED})
    assert "when the function that NAT calls returns None." in check.detail
    assert not stub_finding([], {}).passed


@pytest.mark.parametrize(("killed", "passed"), [(4, True), (3, False)])
def test_four_of_five_mutants_must_be_noticed(killed, passed):
    made = [Mutant(f"source {n}", n + 1, "operator", f"-old {n}\n+new {n}") for n in range(5)]
    runs = {f"mutant {n}": run(ok=n >= killed) for n in range(5)}
    check = mutation_finding(made, runs)
    survivors = check.report["survivors"]
    assert check.passed is passed
    assert [each["line"] for each in survivors] == list(range(killed + 1, 6))
    assert survivors[0] == {"line": killed + 1, "kind": "operator", "diff": f"-old {killed}\n+new {killed}"}
    if not passed:
        assert all(each["diff"] in check.detail for each in survivors)


def test_a_mutant_that_never_ends_is_noticed():
    made = [Mutant("source", 1, "operator", "")]
    ended = {"mutant 0": {"ok": False, "error": "used more than 2 s of CPU", "timeout": True}}
    assert mutation_finding(made, ended).passed


def test_a_tool_with_nothing_to_change_passes():
    assert mutation_finding([], {}).passed
