"""How checks are found and run: their order, what is left out, warnings, and what a report says of each."""

import subprocess
import sys
import time

import pytest
from tests_support import ROMAN_SPEC

from agenthands.gate.checks.base import Finding, GateCheck
from agenthands.gate.checks.registry import CHECKS, find_check
from agenthands.gate.evidence import Evidence
from agenthands.gate.gate import GATE_VERSION, run_checks
from agenthands.gate.harness_jobs import TESTS
from agenthands.reports.remedies import advice_on_check, meaning
from agenthands.reports.terminal.build import gate_text
from agenthands.schemas import Check, GateReport, ToolSpec

SPEC = ToolSpec.model_validate(ROMAN_SPEC)


def check(title, passed=True, wait=0.0, **attributes):
    """Return a check that needs nothing."""

    def run(self, evidence):
        time.sleep(wait)
        return Finding(passed, f"{title} was looked at.", report={"coverage": 0.5} if title == "last" else {})

    words = {"summary": "all is well", "fix": "Mend it.", "remedy": "Mend it.", "after": (), "order": 1}
    return type(title.title(), (GateCheck,), {"name": title, "run": run, **words, **attributes})()


def report(*checks):
    return run_checks(Evidence(SPEC, None, None, None, 60, {}, checks))


def test_the_names_and_their_order_are_those_of_all_reports_so_far():
    so_far = ["files", "conformance", "schema", "tests", "isolation", "repeatable", "examples", "held_out", "stub",
              "mutation", "hygiene", "remarks"]  # fmt: skip
    assert [each.name for each in CHECKS if each.name in so_far] == so_far
    assert GATE_VERSION == "5"  # with it go the results that are kept of every tool
    assert all(find_check(each.name) is each for each in CHECKS)


def test_a_check_depends_on_those_that_stand_before_it():
    for number, each in enumerate(CHECKS):
        assert set(each.after) <= {before.name for before in CHECKS[:number]}, each.name


def test_a_check_that_is_not_required_is_shown_and_rejects_nothing():
    said = report(check("first"), check("warning", passed=False, required=False))
    assert said.accepted
    assert [(each.name, each.passed, each.required) for each in said.checks] == [
        ("first", True, True),
        ("warning", False, False),
    ]
    assert said.failures() == []
    assert "note    warning      warning was looked at." in gate_text(said)
    assert not report(check("first"), check("error", passed=False)).accepted


def test_what_depends_on_a_check_that_failed_is_left_out_and_the_rest_is_not():
    said = report(
        check("first", passed=False),
        check("second", after=("first",)),
        check("third", after=("second",)),
        check("asks", needs=(TESTS.id,)),
        check("elsewhere", applies=lambda self, tool: False),
        check("last"),
    )
    assert [each.name for each in said.checks] == ["first", "last"]
    assert said.coverage == 0.5


def test_each_check_has_the_seconds_of_its_own_work():
    quick, slow = report(check("quick"), check("slow", wait=0.05)).checks
    assert slow.seconds >= 0.05
    assert quick.seconds < slow.seconds


@pytest.mark.slow
def test_the_seconds_of_a_check_are_those_of_its_runs_too(roman_workspace, nat_environment, bubblewrap):
    def long(self, judged):
        return [TESTS]

    def run(self, evidence):
        answers = evidence.answers  # what it waits for here is the time of all jobs, and not of this check
        return Finding(True, str(answers.first["tests"]["seconds"]))

    mine = type("Mine", (GateCheck,), {"name": "mine", "after": ("files",), "jobs": long, "run": run})()
    everything = Evidence(SPEC, roman_workspace, nat_environment, bubblewrap, 300, {}, (*CHECKS, mine))
    said = run_checks(everything)
    seconds = {each.name: each.seconds for each in said.checks}
    assert all(seconds[each.name] > 0 for each in CHECKS if each.jobs(everything.judged) and each.applies(SPEC))
    assert seconds["mine"] == pytest.approx(float(said.checks[-1].detail), abs=0.01)
    assert seconds["isolation"] < said.seconds
    assert seconds["conformance"] < everything.waited


def test_a_report_of_another_version_can_be_read_and_shown():
    old = GateReport(
        tool="x", accepted=False, seconds=1, checks=[Check(name="coherence", passed=False, detail="It is odd.")]
    )
    read = GateReport.model_validate_json(old.model_dump_json())
    assert read == old
    assert "coherence" in gate_text(read)
    assert meaning("coherence") == ""
    assert "--coder" in advice_on_check("coherence")
    with pytest.raises(ValueError, match="name"):
        Check(name="\x1b[31mred", passed=True)


MODULE = """
from agenthands.gate.checks.base import Finding, GateCheck

class New(GateCheck):
    name, order, summary, fix, remedy = {name!r}, 55, "it is new", "Renew it.", "Renew it."

    def run(self, evidence):
        return Finding(True)
"""
PROGRAM = """
import sys
from agenthands.gate import checks
checks.__path__.append(sys.argv[1])
from agenthands.gate.checks.registry import CHECKS
print(*(check.name for check in CHECKS))
"""


@pytest.mark.parametrize(("name", "said"), [("new", "isolation new repeatable"), ("stub", "the same name")])
def test_a_module_in_the_folder_of_checks_adds_its_check(tmp_path, name, said):
    (tmp_path / "new.py").write_text(MODULE.format(name=name))
    ran = subprocess.run([sys.executable, "-c", PROGRAM, tmp_path], capture_output=True, text=True)
    assert said in ran.stdout + ran.stderr
