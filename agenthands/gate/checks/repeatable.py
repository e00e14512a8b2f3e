"""The check `repeatable`: neither the tool nor its tests depend on chance or on the day."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, override

from agenthands.gate.checks.base import Finding, GateCheck, weak_tests
from agenthands.gate.checks.steady import same_outcome
from agenthands.gate.harness_jobs import TESTS_AGAIN, TESTS_ANOTHER_DAY, Job, calls_another_day
from agenthands.schemas import ToolSpec, hidden_example_indices

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
        return repeatable_finding(evidence.answers, evidence.tool)


def repeatable_finding(answers: Answers, tool: ToolSpec) -> Finding:
    """Judge the same tests and calls again: at the end, with another hash seed and date, each in a process of its own.

    What hidden examples gave is for a person alone.
    """
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
        said = f"The tool cannot be called twice: {other.get('error') or first.get('error')}"
        return Finding(False, said, more={"for_coder": "The tool cannot be called twice."})
    hidden, told, secret = hidden_example_indices(tool), list[str](), list[str]()
    both = zip(tool.examples, first.get("calls", ()), other.get("calls", ()), strict=False)
    for index, (example, before, after) in enumerate(both):
        if not same_outcome(before, after):
            (secret if index in hidden else told).append(
                f"For {json.dumps(example.arguments)[:300]} the tool gives {json.dumps(before)[:300]}, and as the "
                f"first call, with another hash seed and date, {json.dumps(after)[:300]}."
            )
    if not told and not secret:
        return Finding(True, "The same verdicts with another hash seed and another date.")
    kind = [f"{len(secret)} hidden examples do not give the same with another hash seed and date."] if secret else []
    more = {"for_coder": "\n".join([*told, *kind])} if secret else {}
    return Finding(False, "\n".join([*told, *secret]), more=more)
