"""The check `repeatable`: neither the tool nor its tests depend on chance or on the day."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, override

from agenthands._util.json_values import same_json
from agenthands.gate.checks.base import Finding, GateCheck, weak_tests
from agenthands.gate.harness_jobs import TESTS_AGAIN, TESTS_ANOTHER_DAY, Job, calls_another_day

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged
    from agenthands.gate.harness_client import Answers


class Repeatable(GateCheck):
    """The same tests and calls, made again."""

    name = "repeatable"
    order = 60
    headline = True
    summary = "the verdicts are the same again, with another hash seed and on another date"
    fix = "Sort sets; take the date as an argument; fix the seed."
    remedy = (
        "The tool or its tests depend on chance or on the day. Ask for a result that does not, or have the date given "
        "as an argument."
    )
    change = weak_tests("repeatable")
    after = ("conformance",)
    needs = (TESTS_AGAIN.id,)

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Run the tests again at the end, and with another hash seed and date; make the calls there too."""
        return [TESTS_AGAIN, TESTS_ANOTHER_DAY, calls_another_day(judged.tool)]

    def run(self, evidence: Evidence) -> Finding:
        """Compare with the first run."""
        return repeatable_finding(evidence.answers, [example.arguments for example in evidence.tool.examples])


def repeatable_finding(answers: Answers, arguments: Sequence[Mapping[str, Any]]) -> Finding:
    """Judge the same tests and calls again: at the end, and with another hash seed and date."""
    tests = answers.first["tests"]["outcomes"]
    for answer, how in (
        (answers.repeated["tests"], "with another hash seed and another date"),
        (answers.first["again"], "a second time"),
    ):
        if answer.get("outcomes") != tests:
            shown = "\n\n".join(answer.get("failures", ())) or answer.get("error", "other tests ran")
            return Finding(False, f"Run {how}, the tests do not give the same verdicts.\n\n{shown}")
    first, other = answers.first["calls"], answers.repeated["calls"]
    if first["ok"] != other["ok"]:
        return Finding(False, f"The tool cannot be called twice: {other.get('error') or first.get('error')}")
    for given, before, after in zip(arguments, first.get("calls", ()), other.get("calls", ()), strict=True):
        if not _same_call(before, after):
            return Finding(
                False,
                f"For {json.dumps(given)[:300]} the tool gives {json.dumps(before)[:300]}, and with another hash seed "
                f"and date {json.dumps(after)[:300]}.",
            )
    return Finding(True, "The same verdicts with another hash seed and another date.")


def _same_call(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    if "result" in before and "result" in after:
        return same_json(before["result"], after["result"])
    return bool(before.get("raises") == after.get("raises"))
