"""The checks `examples` and `held_out`: what the tool gives, called through NAT, is what was specified."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, override

from agenthands._util.formatting import one_line
from agenthands._util.json_values import TOLERANCE, json_type, same_json
from agenthands.gate.checks.base import UNCLEAR_SPECIFICATION, Finding, GateCheck
from agenthands.gate.harness_jobs import Job, calls
from agenthands.schemas import Check, ErrorExample, ResultExample, ToolSpec, hidden_example_indices, hold_out_fault

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged

_TOLD = 200
Example = ResultExample | ErrorExample


class Examples(GateCheck):
    """The examples that the coder saw."""

    name = "examples"
    order = 70
    headline = True
    summary = "the examples of the specification hold, called through NAT"
    fix = "The tool is wrong, or the example is. In a build the planner is asked once which."
    remedy = UNCLEAR_SPECIFICATION
    after = ("conformance",)
    needs = ("calls",)
    hidden = False

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Call the tool with all examples."""
        return [calls(judged.tool)]

    def run(self, evidence: Evidence) -> Finding:
        """Judge the calls with those examples that this check is about."""
        tool = evidence.tool
        hidden = set(hidden_example_indices(tool))
        indices = [index for index in range(len(tool.examples)) if (index in hidden) is self.hidden]
        answer = evidence.answers.first["calls"]
        return examples_finding(tool, indices, evidence.corrections, answer, hidden=self.hidden)

    @override
    def advice(self, found: Check, planned: ToolSpec | None) -> str:
        """Name the first example that failed, with both sides: a person may know which one is right."""
        wrong: list[dict[str, Any]] = (found.model_extra or {}).get("contradicted") or []
        if not wrong or planned is None or not 0 <= wrong[0]["example"] < len(planned.examples):
            return "state its examples more exactly in the request"
        example = planned.examples[wrong[0]["example"]].model_dump(mode="json")
        arguments, call = _shown(example["arguments"]), wrong[0]["call"]
        return (
            f"it {_side(call)} for {arguments}, where the plan says that it {_side(example)}; say in the request "
            f"exactly what it must do there, and how"
        )


class HeldOut(Examples):
    """The examples that the coder never saw."""

    name = "held_out"
    order = 80
    headline = True
    summary = "so does the third of them that the coder never saw"
    fix = (
        "The tool was fitted to the examples shown. State the rule in the description. Where the examples cannot tell "
        "a rule from a table, the message says which to add."
    )
    version = 5
    hidden = True

    @override
    def applies(self, tool: ToolSpec) -> bool:
        """Return whether some are hidden, or should be."""
        return bool(hidden_example_indices(tool) or hold_out_fault(tool))

    @override
    def run(self, evidence: Evidence) -> Finding:
        """Judge the calls with the hidden examples, where these can tell a rule from a table of the visible ones."""
        if fault := hold_out_fault(evidence.tool):
            return Finding(False, f"The specification's examples cannot show that the tool knows the rule: {fault}.")
        return super().run(evidence)

    @override
    def advice(self, found: Check, planned: ToolSpec | None) -> str:
        """Ask for more examples where there are too few."""
        if planned is not None and hold_out_fault(planned):
            return "give more examples of it in the request, with different results"
        return super().advice(found, planned)


def examples_finding(
    tool: ToolSpec,
    indices: Sequence[int],
    wanted: Mapping[int, Example],
    answer: Mapping[str, Any],
    *,
    hidden: bool = False,
) -> Finding:
    """Judge calls through NAT against the specification's examples with these `indices`.

    `wanted` holds the examples that a ruling has put in the place of the specification's. What does not fit is kept
    in `contradicted`. Of `hidden` examples the coder is told how many failed in which way, and neither arguments nor
    values nor the classes of errors, whose names a tool chooses: what it knew of them it could answer for alone.
    """
    if not answer["ok"]:
        return Finding(False, f"The examples could not be called: {answer['error']}")
    wrong, contradicted, kinds = [], [], Counter[str]()
    for index in indices:
        example, call = wanted.get(index, tool.examples[index]), answer["calls"][index]
        if fits(example, call):
            continue
        contradicted.append({"example": index, "call": call})
        kinds[kind_of_failure(example, call)] += 1
        wrong.append(
            f"arguments {json.dumps(example.arguments)}: the tool {_described(call)}, but the specification says "
            f"{_wanted(example)}"
        )
    total = len(indices)
    if not wrong:
        return Finding(True, f"{total} of {total} as specified.")
    headline = f"{len(wrong)} of {total} {'hidden example' if hidden else 'example'}s failed."
    more: dict[str, Any] = {"contradicted": contradicted}
    if hidden:
        more["for_coder"] = f"{headline} {_KINDS}\n" + "\n".join(f"- {kinds[kind]} {kind}" for kind in kinds)
    return Finding(False, "\n".join([headline, *wrong]), more=more)


_KINDS = "What went wrong; their arguments stay hidden, so look for the rule in the description:"


def kind_of_failure(example: Example, call: Mapping[str, Any]) -> str:
    """Return how a call failed to be what an example says, without a word of arguments, values or messages."""
    if isinstance(example, ErrorExample):
        return "returned instead of raised" if "result" in call else "raised an error of another class"
    if "result" in call:
        same = json_type(call["result"]) == json_type(example.expected)
        return "returned a wrong result" if same else "returned a result of the wrong type"
    return "returned what is no JSON" if call["raises"][0] == "NotJson" else "raised instead of returned"


def fits(example: Example, call: Mapping[str, Any]) -> bool:
    """Return whether a call did what an example says."""
    if isinstance(example, ErrorExample):
        return example.raises in call.get("raises", [])
    return "result" in call and same_json(example.expected, call["result"], example.tolerance or TOLERANCE)


def _described(call: Mapping[str, Any]) -> str:
    if "result" in call:
        return f"returned {json.dumps(call['result'])[:600]}"
    return f"raised {call['raises'][0]}: {call['message']}"


def _wanted(example: Example) -> str:
    if isinstance(example, ErrorExample):
        return f"it raises {example.raises}"
    about = f" (figures within {example.tolerance:.2g} of that, relatively)" if example.tolerance else ""
    return f"{json.dumps(example.expected)[:600]}{about}"


def _side(side: Mapping[str, Any]) -> str:
    if raised := side.get("raises"):
        return f"raises {one_line(raised[0] if isinstance(raised, list) else str(raised), _TOLD)}"
    return f"gives {_shown(side.get('result', side.get('expected')))}"


def _shown(value: Any) -> str:
    # A backtick would begin a command of ours.
    return one_line(json.dumps(value, ensure_ascii=False), _TOLD).replace("`", "'")
