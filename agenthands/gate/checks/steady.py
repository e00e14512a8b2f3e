"""The check `steady`: a call gives the same, whatever was called before it, wherever the tool runs, and when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, override

from agenthands._util.json_values import same_json
from agenthands.gate.checks.base import Finding, GateCheck
from agenthands.gate.harness_jobs import Job, calls
from agenthands.gate.use_jobs import used, used_arguments
from agenthands.schemas import hidden_example_indices

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged
    from agenthands.gate.harness_client import Answer

_CIRCUMSTANCES = "among other calls, at other times, and with another program, folder and environment around it"
_HEADLINE = f"Called {_CIRCUMSTANCES}, the tool does not always give the same."


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
        return [calls(judged.tool), *used_both(judged)]

    def run(self, evidence: Evidence) -> Finding:
        """Compare with the first calls, which were made in a process of their own."""
        answers = evidence.answers
        visible, hidden = answers.repeated["used"], answers.repeated["used_hidden"]
        if not answers.first["calls"]["ok"]:
            return Finding(False, "The tool could not be called even once; see the examples.")
        first, held = answers.first["calls"]["calls"], hidden_example_indices(evidence.tool)
        shown = [index for index in range(len(evidence.tool.examples)) if index not in held]
        arguments = [used_arguments(evidence.tool, evidence.source, hidden=hidden) for hidden in (False, True)]
        told = unsteady(arguments[0], [first[index] for index in shown], visible)
        return steady_finding(told, unsteady(arguments[1], [first[index] for index in held], hidden))


def used_both(judged: Judged) -> list[Job]:
    """Return the jobs that use the tool, with the visible examples and with the hidden ones."""
    return [used(judged.tool, judged.source, hidden=hidden) for hidden in (False, True)]


def steady_finding(told: Sequence[str], secret: Sequence[str]) -> Finding:
    """Return the verdict; what is `secret`, of calls with hidden arguments and some close to them, a person reads."""
    if not told and not secret:
        return Finding(True, f"Calls {_CIRCUMSTANCES} gave the same.")
    if not secret:
        return Finding(False, "\n".join([_HEADLINE, *told]))
    kind = f"{len(secret)} findings of this kind are about calls with hidden arguments, or some that resemble them."
    detail, for_coder = ("\n".join([_HEADLINE, *told, *more]) for more in (secret, [kind]))
    return Finding(False, detail, more={"for_coder": for_coder})


def unsteady(arguments: Sequence[Mapping[str, Any]], first: Sequence[Mapping[str, Any]], answer: Answer) -> list[str]:
    """Return a sentence on each call of `used` that does not always give the same, and on what the tool remembers.

    `arguments` are those of the calls; those of the examples come first, and `first` is what these gave before.
    """
    if not answer["ok"]:
        return [f"Called {_CIRCUMSTANCES}, the tool fails: {answer['error']}"]
    said = []
    for number, (given, found) in enumerate(zip(arguments, answer["found"], strict=True)):
        one, *others = [*first[number : number + 1], *found] or [{}]
        other = next((each for each in others if not same_outcome(one, each)), None)
        if other:
            said.append(f"For {_short(given)} it {_gives(one)}, and then {_gives(other)}.")
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
