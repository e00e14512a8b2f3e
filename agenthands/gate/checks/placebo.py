"""The check `placebo`: the coder's tests look at what the tool does, and not at how it is written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, override

from agenthands.gate.checks.base import MORE_ATTEMPTS, Finding, GateCheck, weak_tests
from agenthands.gate.harness_jobs import TESTS_AGAIN, Job, changed_tool

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged
    from agenthands.gate.harness_client import Answer


class Placebo(GateCheck):
    """The tests, run with the same tool, written differently."""

    name = "placebo"
    order = 85
    summary = "its tests pass as well with the same tool written differently: other lines, local names and operators"
    fix = "Test what the tool gives for which arguments, not its source, bytecode, line numbers or variables."
    remedy = MORE_ATTEMPTS
    change = weak_tests("placebo")
    version = 4
    after = ("conformance",)
    needs = (TESTS_AGAIN.id,)

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Run the tests with each placebo, as with a mutant."""
        return [
            changed_tool(_id(what), source, first_failure=True, compared=True)
            for what, source in judged.placebos.items()
        ]

    def run(self, evidence: Evidence) -> Finding:
        """Judge whether the tests passed."""
        return placebo_finding(evidence.judged.placebos, evidence.answers.first)


def placebo_finding(placebos: Collection[str], answers: Mapping[str, Answer]) -> Finding:
    """Judge the tests run with placebos, which are named by how they differ from the tool."""
    for what in placebos:
        answer = answers[_id(what)]
        if not answer["ok"]:
            failed = [
                test for test, outcome in answer.get("outcomes", {}).items() if outcome not in ("passed", "skipped")
            ]
            named = ", ".join(failed) or answer.get("error", "they did not finish")
            return Finding(
                False,
                f"Tests fail when the tool is written with {what} and does the same as before: {named}. Something "
                "looks at source, bytecode, line numbers, local variables or frames. Test results for arguments "
                "instead, and do not let the tool depend on how it is written.",
            )
    return Finding(True, f"The tests pass with the tool written with {', '.join(placebos)}.")


def _id(what: str) -> str:
    return f"placebo: {what}"
