"""The check `properties`: what the specification says of every call holds for calls that no example shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, override

from agenthands.gate.checks.base import UNCLEAR_SPECIFICATION, Finding, GateCheck
from agenthands.gate.checks.schema import result_complaint
from agenthands.gate.harness_jobs import Job, used, used_arguments
from agenthands.schemas import ToolSpec

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged
    from agenthands.gate.harness_client import Answer

_MOST = 5


class Properties(GateCheck):
    """Results of calls with arguments that are close to those of the examples.

    An error is no fault of such a call: who passes what makes no sense may be told so, in whatever class.
    """

    name = "properties"
    order = 86
    headline = True
    summary = (
        "with arguments close to those of the examples, it gives an error, or a result that is JSON and fits `returns`"
    )
    fix = (
        "Raise ValueError for what has no result (no NaN, no null that `returns` does not allow); or correct `returns`."
    )
    remedy = UNCLEAR_SPECIFICATION
    version = 4
    after = ("conformance",)
    needs = ("calls",)

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Use the tool."""
        return [used(judged.tool, hidden=False)]

    def run(self, evidence: Evidence) -> Finding:
        """Compare the results with `returns`."""
        return properties_finding(evidence.tool, evidence.answers.repeated["used"])


def properties_finding(tool: ToolSpec, answer: Answer) -> Finding:
    """Judge the calls of `used` that are no examples, whose own checks judge those."""
    if not answer["ok"]:
        return Finding(True, "Not judged: the tool could not be used.")  # the check `steady` says why
    wrong, results = [], 0
    of_examples = len(used(tool, hidden=False).options["arguments"])
    for arguments, found in list(zip(used_arguments(tool, hidden=False), answer["found"], strict=True))[of_examples:]:
        for call in found:
            if "result" in call:
                results += 1
                complaint = result_complaint(call["result"], tool.returns)
            else:
                complaint = call["message"] if call["raises"][0] == "NotJson" else None
            if complaint:
                wrong.append(f"The result for {json.dumps(arguments)[:300]} does not fit `returns`: {complaint}")
                break
    if wrong:
        return Finding(False, "\n".join(wrong[:_MOST]))
    return Finding(True, f"{results} results for other arguments fit `returns`.")
