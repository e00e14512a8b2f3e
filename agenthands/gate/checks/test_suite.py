"""Judges the tests that the coder wrote: that they pass, stand alone, and notice what is wrong."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from agenthands.gate.checks.examples import same_json
from agenthands.gate.harness_client import Answers
from agenthands.gate.mutation.mutants import Mutant
from agenthands.schemas import Check
from agenthands.schemas.gate_report import CheckName

MIN_TESTS = 3
MIN_KILLED = 0.8
Answer = Mapping[str, Any]


def suite_check(tests: Answer, hollow: Answer | None = None) -> Check:
    """Judge a run of the tool's tests.

    `hollow` is the run with every function of the tool returning None: a test that passes there as well says nothing
    about what the tool gives.
    """
    outcomes: Mapping[str, str] = tests.get("outcomes", {})
    passed = [test for test, outcome in outcomes.items() if outcome == "passed"]
    skipped = [test for test, outcome in outcomes.items() if outcome == "skipped"]
    if "error" in tests:
        return _failed("tests", f"pytest did not finish: {tests['error']}")
    if not tests["ok"]:
        shown = "\n\n".join(tests["failures"]) or f"pytest ended with exit code {tests['exit_code']}."
        return _failed("tests", f"{len(passed)} of {len(outcomes)} tests passed.\n\n{shown}")
    if skipped:
        return _failed("tests", f"No test may be skipped: {', '.join(skipped)}.")
    asserting = [test for test in passed if _notices(hollow, test)]
    if len(asserting) < MIN_TESTS:
        idle = ", ".join(_short(test) for test in passed if test not in asserting)
        more = f" These pass even when every function of the tool returns None: {idle}." if idle else ""
        return _failed("tests", f"{len(asserting)} tests assert something about the tool; {MIN_TESTS} must.{more}")
    return Check(name="tests", passed=True, detail=f"{len(passed)} tests passed, {len(asserting)} of them assert.")


def isolation_check(alone: Answer, reverse: Answer) -> Check:
    """Judge the tests run one by one, each in a process of its own, and in reverse order."""
    for answer, how in ((alone, "alone"), (reverse, "in reverse order")):
        if not answer["ok"]:
            failures = "\n\n".join(answer.get("failures", ())) or answer.get("error", "")
            return _failed("isolation", f"Run {how}, tests fail that pass in their own order.\n\n{failures}")
    return Check(name="isolation", passed=True, detail="Each test passes alone and in reverse order.")


def repeatable_check(answers: Answers, arguments: Sequence[Mapping[str, Any]]) -> Check:
    """Judge the same tests and calls again: at the end, and with another hash seed and date."""
    tests = answers.first["tests"]["outcomes"]
    for answer, how in (
        (answers.repeated["tests"], "with another hash seed and another date"),
        (answers.first["again"], "a second time"),
    ):
        if answer.get("outcomes") != tests:
            shown = "\n\n".join(answer.get("failures", ())) or answer.get("error", "other tests ran")
            return _failed("repeatable", f"Run {how}, the tests do not give the same verdicts.\n\n{shown}")
    first, other = answers.first["calls"], answers.repeated["calls"]
    if first["ok"] != other["ok"]:
        return _failed("repeatable", f"The tool cannot be called twice: {other.get('error') or first.get('error')}")
    for given, before, after in zip(arguments, first.get("calls", ()), other.get("calls", ()), strict=True):
        if not _same_call(before, after):
            return _failed(
                "repeatable",
                f"For {json.dumps(given)[:300]} the tool gives {json.dumps(before)[:300]}, and with another hash seed "
                f"and date {json.dumps(after)[:300]}.",
            )
    return Check(name="repeatable", passed=True, detail="The same verdicts with another hash seed and another date.")


def stub_check(stubs: Collection[str], answers: Mapping[str, Answer]) -> Check:
    """Judge the tests run with the tool's function replaced by each stub, which is named by what it does."""
    if not stubs:
        return _failed(
            "stub", "Give FunctionInfo.from_fn a function of this file by its name: which one it is, is unclear."
        )
    unnoticed = [what for what in stubs if answers[f"stub: {what}"]["ok"]]
    if unnoticed:
        return _failed(
            "stub",
            f"All tests pass when the function that NAT calls {' or '.join(unnoticed)}. "
            "Test it through NAT, with exact results.",
        )
    return Check(name="stub", passed=True, detail=f"The tests notice a tool that {', '.join(stubs)}.")


def mutation_check(mutants: Sequence[Mutant], answers: Mapping[str, Answer]) -> tuple[Check, list[dict[str, Any]]]:
    """Judge the tests run with each mutant, and give those that they did not notice."""
    if not mutants:
        return Check(name="mutation", passed=True, detail="There is nothing in the tool to change."), []
    survivors = [mutant for number, mutant in enumerate(mutants) if answers[f"mutant {number}"]["ok"]]
    killed = len(mutants) - len(survivors)
    said = f"{killed} of {len(mutants)} small changes to the tool were noticed by its tests"
    shown = [{"line": mutant.line, "kind": mutant.kind, "diff": mutant.diff} for mutant in survivors]
    if killed >= MIN_KILLED * len(mutants):
        return Check(name="mutation", passed=True, detail=f"{said}."), shown
    diffs = "\n\n".join(f"Line {mutant.line} ({mutant.kind}):\n{mutant.diff}" for mutant in survivors)
    return _failed("mutation", f"{said}; {MIN_KILLED:.0%} must be. Not noticed:\n\n{diffs}"), shown


def _notices(hollow: Answer | None, test: str) -> bool:
    if hollow is None:
        return True
    outcomes = hollow.get("outcomes", {})
    return bool(outcomes.get(test) != "passed")


def _same_call(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    if "result" in before and "result" in after:
        return same_json(before["result"], after["result"])
    return bool(before.get("raises") == after.get("raises"))


def _short(test: str) -> str:
    return test.rpartition("::")[2]


def _failed(name: CheckName, detail: str) -> Check:
    return Check(name=name, passed=False, detail=detail)
