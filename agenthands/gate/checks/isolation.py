"""The check `isolation`: no test of the coder's needs another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, override

from agenthands.gate.checks.base import MORE_ATTEMPTS, Finding, GateCheck, weak_tests
from agenthands.gate.harness_jobs import TESTS_ALONE, TESTS_REVERSED, Job

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged
    from agenthands.gate.harness_client import Answer


TIME_OUT = "time_out"


class Isolation(GateCheck):
    """The tests in other orders than their own."""

    name = "isolation"
    order = 50
    headline = True
    summary = "each test passes alone, and all in reverse order"
    fix = "A test needs what another one left: give each its own. Where they take too long, let them do less."
    remedy = f"The tests share something, a file or a global: {MORE_ATTEMPTS[0].lower()}{MORE_ATTEMPTS[1:]}"
    change = weak_tests("isolation")
    after = ("conformance",)
    needs = (TESTS_ALONE.id, TESTS_REVERSED.id)

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Run each test in a process of its own, and all in reverse order."""
        return [TESTS_ALONE, TESTS_REVERSED]

    def run(self, evidence: Evidence) -> Finding:
        """Judge both runs."""
        answers = evidence.answers.first
        return isolation_finding(answers[TESTS_ALONE.id], answers[TESTS_REVERSED.id])


def isolation_finding(alone: Answer, reverse: Answer) -> Finding:
    """Judge the tests run one by one, each in a process of its own, and in reverse order.

    Tests that took too long are told so, with the code `TIME_OUT`: whether they need each other is not known then.
    """
    for answer, how in ((alone, "alone"), (reverse, "in reverse order")):
        if answer["ok"]:
            continue
        failures = "\n\n".join(answer.get("failures", ())) or answer.get("error", "")
        if answer.get("timeout"):
            return Finding(False, f"Run {how}, the tests take too long.\n\n{failures}", more={"reason_code": TIME_OUT})
        return Finding(False, f"Run {how}, tests fail that pass in their own order.\n\n{failures}")
    return Finding(True, "Each test passes alone and in reverse order.")
