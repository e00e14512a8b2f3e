"""The check `stub`: the coder's tests notice a tool that does nothing useful."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, override

from agenthands.gate.checks.base import MORE_ATTEMPTS, Finding, GateCheck, weak_tests
from agenthands.gate.harness_jobs import TESTS_AGAIN, Job, changed_tool

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged
    from agenthands.gate.harness_client import Answer


class Stub(GateCheck):
    """The tests, run with stubs in the place of the function that NAT calls."""

    name = "stub"
    order = 90
    headline = True
    summary = "its tests notice a tool that returns None, echoes its input, or raises"
    fix = "Compare results with exact values."
    remedy = MORE_ATTEMPTS
    change = weak_tests("stub")
    after = ("conformance",)
    needs = (TESTS_AGAIN.id,)

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Run the tests with each stub."""
        return [changed_tool(f"stub: {what}", source, first_failure=True) for what, source in judged.stubs.items()]

    def run(self, evidence: Evidence) -> Finding:
        """Judge what became of the tests."""
        return stub_finding(evidence.judged.stubs, evidence.answers.first)


def stub_finding(stubs: Collection[str], answers: Mapping[str, Answer]) -> Finding:
    """Judge the tests run with the tool's function replaced by each stub, which is named by what it does."""
    if not stubs:
        return Finding(
            False, "Give FunctionInfo.from_fn a function of this file by its name: which one it is, is unclear."
        )
    unnoticed = [what for what in stubs if answers[f"stub: {what}"]["ok"]]
    if unnoticed:
        return Finding(
            False,
            f"All tests pass when the function that NAT calls {' or '.join(unnoticed)}. "
            "Test it through NAT, with exact results.",
        )
    return Finding(True, f"The tests notice a tool that {', '.join(stubs)}.")
