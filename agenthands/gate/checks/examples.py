"""The checks `examples` and `held_out`: what the tool gives, called through NAT, is what was specified."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, override

from agenthands._util.formatting import one_line
from agenthands.gate.checks.base import UNCLEAR_SPECIFICATION, Finding, GateCheck
from agenthands.gate.harness_jobs import Job, calls
from agenthands.schemas import Check, ErrorExample, ResultExample, ToolSpec, hidden_example_indices

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged

_RELATIVE_TOLERANCE = 1e-6
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
    fix = "The tool was fitted to the examples shown. State the rule in the description."
    hidden = True

    @override
    def applies(self, tool: ToolSpec) -> bool:
        """Return whether there are examples enough to hide some."""
        return bool(hidden_example_indices(tool))


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
    in `contradicted`. Of `hidden` examples the detail names the arguments alone: the expected value stays unknown to
    the coder.
    """
    if not answer["ok"]:
        return Finding(False, f"The examples could not be called: {answer['error']}")
    wrong, contradicted = [], []
    for index in indices:
        example, call = wanted.get(index, tool.examples[index]), answer["calls"][index]
        if _fits(example, call):
            continue
        contradicted.append({"example": index, "call": call})
        shown = f"arguments {json.dumps(example.arguments)}: the tool {_described(call)}"
        wrong.append(shown if hidden else f"{shown}, but the specification says {_wanted(example)}")
    total = len(indices)
    if wrong:
        kind = "hidden example" if hidden else "example"
        detail = f"{len(wrong)} of {total} {kind}s failed.\n" + "\n".join(wrong)
        return Finding(False, detail, more={"contradicted": contradicted})
    return Finding(True, f"{total} of {total} as specified.")


def same_json(left: Any, right: Any) -> bool:
    """Compare as JSON, numbers with a relative tolerance of 1e-6; True and 1 differ."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return math.isclose(left, right, rel_tol=_RELATIVE_TOLERANCE, abs_tol=1e-12)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_json, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_json(left[key], right[key]) for key in left)
    return type(left) is type(right) and bool(left == right)


def _fits(example: Example, call: Mapping[str, Any]) -> bool:
    if isinstance(example, ErrorExample):
        return example.raises in call.get("raises", [])
    return "result" in call and same_json(example.expected, call["result"])


def _described(call: Mapping[str, Any]) -> str:
    if "result" in call:
        return f"returned {json.dumps(call['result'])[:600]}"
    return f"raised {call['raises'][0]}: {call['message']}"


def _wanted(example: Example) -> str:
    return f"it raises {example.raises}" if isinstance(example, ErrorExample) else json.dumps(example.expected)[:600]


def _side(side: Mapping[str, Any]) -> str:
    if raised := side.get("raises"):
        return f"raises {one_line(raised[0] if isinstance(raised, list) else str(raised), _TOLD)}"
    return f"gives {_shown(side.get('result', side.get('expected')))}"


def _shown(value: Any) -> str:
    # A backtick would begin a command of ours.
    return one_line(json.dumps(value, ensure_ascii=False), _TOLD).replace("`", "'")
