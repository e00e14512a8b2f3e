"""The check `properties`: what the specification says of every call holds for calls that no example shows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, override

from agenthands._util.json_values import same_json
from agenthands.gate.checks.base import UNCLEAR_SPECIFICATION, Finding, GateCheck
from agenthands.gate.checks.schema import result_complaint
from agenthands.gate.checks.steady import same_outcome, used_both
from agenthands.gate.harness_jobs import Job
from agenthands.gate.neighbours import is_literal, is_plain
from agenthands.gate.use_jobs import used_arguments
from agenthands.schemas import ResultExample, ToolSpec, has_few_values

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged
    from agenthands.gate.harness_client import Answer

_MOST, _FEWEST = 5, 6


class Properties(GateCheck):
    """Results of calls with arguments that are close to those of the examples.

    An error is no fault of such a call: who passes what makes no sense may be told so, in whatever class.
    """

    name = "properties"
    order = 86
    headline = True
    summary = "for arguments close to the examples, it gives an error or what fits `returns`, and not always the same"
    fix = "Raise ValueError where there is no result: NaN is no JSON, and null only where `returns` allows it."
    remedy = UNCLEAR_SPECIFICATION
    version = 4
    after = ("conformance",)
    needs = ("calls",)

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Use the tool."""
        return used_both(judged)[:1]

    def run(self, evidence: Evidence) -> Finding:
        """Compare the results with `returns`."""
        return properties_finding(evidence.tool, evidence.source, evidence.answers.repeated["used"])


def properties_finding(tool: ToolSpec, source: str, answer: Answer) -> Finding:
    """Judge the calls of `used` that are no examples, whose own checks judge those."""
    if not answer["ok"]:
        return Finding(True, "Not judged: the tool could not be used.")  # the check `steady` says why
    made = zip(used_arguments(tool, source, hidden=False), answer["found"], strict=True)
    examples = len(tool.visible().examples)
    others = [(arguments, found) for arguments, found in list(made)[examples:] if found]
    results = [example for example in tool.visible().examples if isinstance(example, ResultExample)]
    # a recorded world answers for the examples alone
    if not tool.worlds and (
        said := _only_a_table(tool, source, results, [(arguments, found[0]) for arguments, found in others])
    ):
        return Finding(False, said)
    wrong, remarks = list[str](), list[str]()
    for arguments, found in others:
        if said := _misfit(arguments, found, tool.returns):
            (wrong if _lies_between(arguments, results) else remarks).append(said)
    if wrong:
        return Finding(False, "\n".join(wrong[:_MOST]))
    passed = f"What {len(others)} other calls gave fits the specification."
    if remarks:
        passed = (
            f"{len(remarks)} of {len(others)} other calls gave what does not fit, for arguments beyond the examples:"
        )
    return Finding(True, "\n".join([passed, *remarks[:_MOST]]))


def _lies_between(arguments: Mapping[str, Any], examples: Sequence[ResultExample]) -> bool:
    """Return whether examples with a result enclose these arguments: no number is beyond theirs, nothing newly empty.

    What lies beyond may make no sense, and a specification need not say so.
    """
    return all(
        _is_like(value, [example.arguments.get(name) for example in examples]) for name, value in arguments.items()
    )


def _is_like(value: Any, known: Sequence[Any]) -> bool:
    if isinstance(value, bool):
        return True
    if isinstance(value, int | float):
        numbers = [each for each in known if isinstance(each, int | float)]
        return bool(numbers) and min(numbers) <= value <= max(numbers)
    if isinstance(value, list):
        inner = [each for one in known if isinstance(one, list) for each in one]
        return bool(value or [] in known) and all(_is_like(each, inner) for each in value)
    if isinstance(value, dict):
        objects = [each for each in known if isinstance(each, dict)]
        return all(_is_like(each, [one.get(name) for one in objects]) for name, each in value.items())
    return bool(value) or value in known


def _misfit(arguments: Mapping[str, Any], found: Sequence[Mapping[str, Any]], returns: Mapping[str, Any]) -> str:
    """Return what is wrong with the results of a call; empty where nothing is."""
    for call in found:
        if "result" in call:
            complaint = result_complaint(call["result"], returns)
        else:
            complaint = call["message"] if call["raises"][0] == "NotJson" else None
        if complaint:
            return f"The result for {json.dumps(arguments)[:300]} does not fit `returns`: {complaint}"
    return ""


def _only_a_table(
    tool: ToolSpec,
    source: str,
    results: Sequence[ResultExample],
    others: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
) -> str:
    """Return why a tool seems to know the examples alone; empty where it knows more.

    All other calls then give one and the same: where numbers were changed a little, any outcome is too little; where
    texts were, an error, if the code names the examples' values, for texts may have to follow strict rules. An honest
    table has more entries, which its own constants show.
    """
    different = [each for each in results if not same_json(each.expected, results[0].expected)]
    if not different:
        return ""
    numbers = [call for arguments, call in others if any(_number_changed(arguments, each) for each in results)]
    outcomes = [call for _, call in others]
    if len(numbers) >= _FEWEST and _one_outcome(numbers) and _one_outcome(outcomes):
        too_little = "raises" in numbers[0] or not has_few_values(tool.returns)
    else:
        named = all(is_literal(each.arguments, source) for each in results)
        too_little = len(others) >= _FEWEST and named and all("raises" in call for call in outcomes)
    if not too_little:
        return ""
    return (
        f"For all {len(others)} other arguments, such as {json.dumps(others[0][0])[:300]}, it gives the same: "
        f"{json.dumps(outcomes[0].get('result', outcomes[0].get('raises', [''])[0]))[:200]}. It seems to know the "
        f"examples, and not the rule."
    )


def _number_changed(arguments: Mapping[str, Any], example: ResultExample) -> bool:
    """Return whether arguments differ from those of an example in one number."""
    if arguments.keys() != example.arguments.keys():
        return False
    values = [(arguments[name], value) for name, value in example.arguments.items() if arguments[name] != value]
    return len(values) == 1 and all(is_plain(each) and not isinstance(each, str) for each in values[0])


def _one_outcome(calls: Sequence[Mapping[str, Any]]) -> bool:
    return all(same_outcome(calls[0], each) for each in calls)
