"""The check `mutation`: the coder's tests notice small changes to its code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, override

from agenthands.gate.checks.base import Finding, GateCheck, weak_tests
from agenthands.gate.harness_jobs import TESTS_AGAIN, Job, changed_tool
from agenthands.gate.mutation.mutants import Mutant

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged
    from agenthands.gate.harness_client import Answer

MIN_KILLED = 0.8


class Mutation(GateCheck):
    """The tests, run with mutants of the tool."""

    name = "mutation"
    order = 100
    headline = True
    summary = "its tests notice at least 80 % of up to 40 small changes to its code"
    fix = "The report shows what they missed as diffs: add a test for each, boundaries first."
    remedy = (
        "The tests are too weak; the faults that they missed stand below. Try again with a stronger model (--coder)."
    )
    change = weak_tests("mutation")
    after = ("conformance",)
    needs = (TESTS_AGAIN.id,)

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Run the tests with each mutant."""
        return [
            changed_tool(f"mutant {number}", mutant.source, first_failure=True)
            for number, mutant in enumerate(judged.mutants)
        ]

    def run(self, evidence: Evidence) -> Finding:
        """Judge how many were noticed."""
        return mutation_finding(evidence.judged.mutants, evidence.answers.first)


def mutation_finding(mutants: Sequence[Mutant], answers: Mapping[str, Answer]) -> Finding:
    """Judge the tests run with each mutant, and put those that they did not notice into the report."""
    if not mutants:
        return Finding(True, "There is nothing in the tool to change.")
    survivors = [mutant for number, mutant in enumerate(mutants) if answers[f"mutant {number}"]["ok"]]
    killed = len(mutants) - len(survivors)
    said = f"{killed} of {len(mutants)} small changes to the tool were noticed by its tests"
    shown = [{"line": mutant.line, "kind": mutant.kind, "diff": mutant.diff} for mutant in survivors]
    if killed >= MIN_KILLED * len(mutants):
        return Finding(True, f"{said}.", report={"survivors": shown})
    diffs = "\n\n".join(f"Line {mutant.line} ({mutant.kind}):\n{mutant.diff}" for mutant in survivors)
    return Finding(False, f"{said}; {MIN_KILLED:.0%} must be. Not noticed:\n\n{diffs}", report={"survivors": shown})
