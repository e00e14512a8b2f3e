"""The check `steady`: a call gives the same, whatever was called before it, wherever the tool runs, and when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, override

from agenthands._util.json_values import same_json
from agenthands.gate.checks.base import Finding, GateCheck
from agenthands.gate.harness_jobs import Job, calls, used, used_arguments
from agenthands.schemas import ToolSpec, hidden_example_indices

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged
    from agenthands.gate.harness_client import Answer

_CIRCUMSTANCES = "among other calls, at other times, and with another program, folder and environment around it"


class Steady(GateCheck):
    """The examples again, and calls that resemble them, as an agent that is used makes them."""

    name = "steady"
    order = 84
    headline = True
    summary = "a call gives the same again among other calls, at other times, in other surroundings; no call is counted"
    fix = "Compute from the arguments alone. A cache needs the exact arguments as its key."
    remedy = (
        "The tool remembers something or looks around itself. Ask for a result that depends on its arguments alone."
    )
    version = 4
    after = ("conformance",)
    needs = ("calls",)

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Use the tool, with the visible examples and, apart from them, with the hidden ones."""
        return [calls(judged.tool), *(used(judged.tool, hidden=hidden) for hidden in (False, True))]

    def run(self, evidence: Evidence) -> Finding:
        """Compare with the first calls, which were made in a process of their own."""
        answers = evidence.answers
        visible, hidden = answers.repeated["used"], answers.repeated["used_hidden"]
        return steady_finding(evidence.tool, answers.first["calls"]["calls"], visible, hidden)


def steady_finding(tool: ToolSpec, first: Sequence[Mapping[str, Any]], visible: Answer, hidden: Answer) -> Finding:
    """Judge what `used` found of the visible and the hidden examples; `first` are the first calls of all examples.

    What hidden examples gave, and what calls close to them gave, is for a person alone.
    """
    told, secret = (_unsteady(tool, first, answer, hidden=held) for answer, held in ((visible, False), (hidden, True)))
    if not told and not secret:
        return Finding(True, f"{visible['made'] + hidden['made']:,} calls {_CIRCUMSTANCES} gave the same.")
    if not secret:
        return Finding(False, "\n".join(told))
    kind = f"{len(secret)} findings of this kind are about calls with hidden arguments, or some that resemble them."
    return Finding(False, "\n".join([*told, *secret]), more={"for_coder": "\n".join([*told, kind])})


def _unsteady(tool: ToolSpec, first: Sequence[Mapping[str, Any]], answer: Answer, *, hidden: bool) -> list[str]:
    """Return a sentence on each call that does not always give the same, and on what the tool remembers."""
    if not answer["ok"]:
        return [f"Called {_CIRCUMSTANCES}, the tool fails: {answer['error']}"]
    held = hidden_example_indices(tool)
    indices = [index for index in range(len(tool.examples)) if (index in held) is hidden]
    calls_made = used_arguments(tool, hidden=hidden)
    said = []
    for number, (arguments, found) in enumerate(zip(calls_made, answer["found"], strict=True)):
        before = [first[indices[number]]] if number < len(indices) else []
        one, *others = [*before, *found] or [{}]
        other = next((each for each in others if not same_outcome(one, each)), None)
        if other:
            said.append(f"For {_short(arguments)} the tool {_gives(one)}, and {_CIRCUMSTANCES} it {_gives(other)}.")
    if answer["changed"]:
        said.insert(0, f"{', '.join(answer['changed'])}: {_REMEMBERS}")
    return said[:_MOST]


_MOST = 10
_REMEMBERS = (
    "this changes with every call, also where the arguments are the same as before. A tool that counts or records its "
    "calls can answer differently later; do without."
)


def same_outcome(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether two calls gave the same result, or an error of the same class."""
    if "result" in before and "result" in after:
        return same_json(before["result"], after["result"])
    return bool(before.get("raises") == after.get("raises"))


def _gives(call: Mapping[str, Any]) -> str:
    return f"gives {_short(call['result'])}" if "result" in call else f"raises {_short(call['raises'][0])}"


def _short(value: Any) -> str:
    return json.dumps(value)[:300]
