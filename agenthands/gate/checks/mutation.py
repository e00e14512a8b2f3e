"""The check `mutation`: the coder's tests notice small changes to its code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, override

from agenthands.gate.checks.base import Finding, GateCheck, weak_tests
from agenthands.gate.harness_jobs import TESTS_AGAIN, Job, changed_tool, probes, survivor_of
from agenthands.gate.mutation.mutants import Mutant

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged
    from agenthands.gate.harness_client import Answer

MIN_KILLED = 0.8
MIN_KILLED_OF_ALL = 0.6  # whatever cannot be told from the tool: tests that notice less look at little
_FEW = 10  # calls that say something


class Mutation(GateCheck):
    """The tests, run with mutants of the tool."""

    name = "mutation"
    order = 100
    headline = True
    summary = "its tests notice at least 80 % of up to 40 small changes to its code that make a difference"
    fix = "The report shows what they missed as diffs: add a test for each, boundaries first."
    remedy = (
        "The tests are too weak; the faults that they missed stand below. Try again with a stronger model (--coder)."
    )
    change = weak_tests("mutation")
    version = 4
    after = ("conformance",)
    needs = (TESTS_AGAIN.id,)

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Run the tests with each mutant, and call those that they do not notice as well as the tool."""
        runs = [
            changed_tool(_id(number), mutant.source, first_failure=True, compared=True)
            for number, mutant in enumerate(judged.mutants)
        ]
        alike = len(judged.placebos)  # they are called, too: whoever looks at a run must not see which it is
        least = int((1 - MIN_KILLED) * len(runs)) + 1  # fewer do not matter for the verdict, and calls take time
        most = int((1 - MIN_KILLED_OF_ALL) * len(runs))
        return [*runs, *probes(judged.probes, least + alike, most + alike)]

    def run(self, evidence: Evidence) -> Finding:
        """Judge how many were noticed."""
        return mutation_finding(evidence.judged.mutants, evidence.answers.first)


def mutation_finding(mutants: Sequence[Mutant], answers: Mapping[str, Answer]) -> Finding:
    """Judge the tests run with each mutant, and put those that they did not notice into the report.

    Where those are too many, a mutant does not count that does what the tool does, for all examples and for arguments
    made from them. Whoever wrote the tests cannot gain by that: what is left must be noticed as before, and
    `MIN_KILLED_OF_ALL` of all whatever is left.
    """
    if not mutants:
        return Finding(True, "There is nothing in the tool to change.")
    passed = [number for number in range(len(mutants)) if answers[_id(number)]["ok"]]
    alike = {number for number in passed if does_the_same(mutants[number], number, answers)}
    survivors = [mutants[number] for number in passed if number not in alike]
    killed, counted = len(mutants) - len(passed), len(mutants) - len(alike)
    said = f"{killed} of {counted} small changes to the tool were noticed by its tests"
    if alike:
        said += f"; {len(alike)} more make no difference to what it gives"
    report = {
        "survivors": [{"line": mutant.line, "kind": mutant.kind, "diff": mutant.diff} for mutant in survivors],
    }
    if killed >= MIN_KILLED * counted and killed >= MIN_KILLED_OF_ALL * len(mutants):
        named = "; ".join(_in_one_line(mutant) for mutant in survivors)
        return Finding(True, f"{said}. Not noticed: {named}." if named else f"{said}.", report=report)
    diffs = "\n\n".join(f"Line {mutant.line} ({mutant.kind}):\n{mutant.diff}" for mutant in survivors)
    return Finding(False, f"{said}; {MIN_KILLED:.0%} must be. Not noticed:\n\n{diffs}", report=report)


def does_the_same(mutant: Mutant, number: int, answers: Mapping[str, Answer]) -> bool:
    """Return whether a mutant gives through NAT what the tool gives, wherever both were called.

    Errors are compared by their class. Nothing is known of code that the calls did not reach, of a tool that answers
    differently each time, and of calls that took too long.
    """
    tool, again, other = (answers.get(name, {}) for name in ("probe", "probe again", survivor_of(_id(number))))
    if not (tool.get("ok") and again.get("ok") and other.get("ok")) or mutant.statement in (
        0,
        *tool.get("missing", ()),
    ):
        return False
    calls = [[_told(call) for call in answer["calls"]] for answer in (tool, again, other)]
    compared = min(map(len, calls))
    if compared < _FEW or compared < len(calls[0]) - len(calls[0]) // 10:
        return False
    first, second, third = (each[:compared] for each in calls)
    return first == second == third and any("result" in call for call in tool["calls"])


def _told(call: Mapping[str, Any]) -> str:
    if "result" in call:
        return json.dumps(call["result"], sort_keys=True)
    return "slow" if call.get("slow") else f"raises {call['raises'][0]}"


def _in_one_line(mutant: Mutant) -> str:
    """Return where a mutant is, and the first line that it changes."""
    changed = [line for line in mutant.diff.splitlines() if line[:1] in ("-", "+")]
    shown = " becomes ".join(f"`{line[1:].strip()}`" for line in changed[:1] + changed[-1:])
    return f"line {mutant.line} ({mutant.kind}): {shown}"


def _id(number: int) -> str:
    return f"mutant {number}"
