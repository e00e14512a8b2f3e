"""The check `tests`: the tests that the coder wrote pass, and notice a tool that gives nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, override

from agenthands.gate.checks.base import MORE_ATTEMPTS, Finding, GateCheck, weak_tests
from agenthands.gate.harness_jobs import TESTS, Job, changed_tool

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged
    from agenthands.gate.harness_client import Answer

MIN_TESTS = 3


class OwnTests(GateCheck):
    """The tool's own tests, run as they are."""

    name = "tests"
    order = 40
    headline = True
    summary = (
        "its tests pass, none is skipped, and at least three of them fail when the tool's functions return nothing"
    )
    fix = "Assert what the tool gives, not that it runs."
    remedy = MORE_ATTEMPTS
    change = weak_tests("tests")
    after = ("conformance",)
    needs = (TESTS.id,)

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Run the tests with the tool, and with one whose functions return None."""
        return [TESTS, changed_tool("hollow", judged.hollow)]

    def run(self, evidence: Evidence) -> Finding:
        """Judge both runs; the second one is made only where the first one passed."""
        return suite_finding(evidence.answers.first[TESTS.id], evidence.answers.first.get("hollow"))


def suite_finding(tests: Answer, hollow: Answer | None = None) -> Finding:
    """Judge a run of the tool's tests.

    `hollow` is the run with every function of the tool returning None: a test that passes there as well says nothing
    about what the tool gives.
    """
    outcomes: Mapping[str, str] = tests.get("outcomes", {})
    passed = [test for test, outcome in outcomes.items() if outcome == "passed"]
    skipped = [test for test, outcome in outcomes.items() if outcome == "skipped"]
    if "error" in tests:
        return Finding(False, f"pytest did not finish: {tests['error']}")
    if not tests["ok"]:
        shown = "\n\n".join(tests["failures"]) or f"pytest ended with exit code {tests['exit_code']}."
        return Finding(False, f"{len(passed)} of {len(outcomes)} tests passed.\n\n{shown}")
    if skipped:
        return Finding(False, f"No test may be skipped: {', '.join(skipped)}.")
    noticing = _noticing(passed, hollow)
    if noticing is None:  # it cannot be imported without what its functions give
        return _counted(passed, f"{len(passed)} tests passed.")
    idle = [_short(test) for test in passed if test not in noticing]
    unnoticed = f" These pass even when every function of the tool returns None: {', '.join(idle)}." if idle else ""
    if len(noticing) < MIN_TESTS:
        said = f"{len(noticing)} of {len(passed)} tests assert what the tool's functions give; {MIN_TESTS} must."
        return Finding(False, said + unnoticed)
    said = f"{len(passed)} tests passed; {len(noticing)} of them fail where the tool's functions return None"
    return Finding(
        True, f"{said}, not {', '.join(idle[:5])}{', ...' if len(idle) > 5 else ''}." if idle else f"{said}."
    )


def _noticing(passed: Sequence[str], hollow: Answer | None) -> list[str] | None:
    """Return the tests that notice empty functions: all where that was not tried, None where it could not be."""
    if hollow is None:
        return list(passed)
    outcomes: Mapping[str, str] = hollow.get("outcomes", {})
    if "error" in hollow or not outcomes.keys() & set(passed):
        return None
    return [test for test in passed if outcomes.get(test) != "passed"]


def _counted(passed: Sequence[str], said: str) -> Finding:
    enough = len(passed) >= MIN_TESTS
    return Finding(enough, said if enough else f"{said} {MIN_TESTS} must assert what the tool's functions give.")


def _short(test: str) -> str:
    return test.rpartition("::")[2]
