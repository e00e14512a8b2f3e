"""Turns what the harness measured into checks, each with a detail that a coding agent can act on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from agenthands.gate.checks.schema import parameter_differences, result_complaint
from agenthands.schemas import Check, ErrorExample, ResultExample, ToolSpec
from agenthands.schemas.gate_report import CheckName

_RELATIVE_TOLERANCE = 1e-6
Example = ResultExample | ErrorExample


def conformance_check(answer: Mapping[str, Any]) -> Check:
    """Judge the import under NAT and what was registered."""
    if not answer["ok"]:
        what = "The gate could not finish" if answer.get("lost") else "NAT cannot use the tool"
        return Check(name="conformance", passed=False, detail=f"{what}: {answer['error']}")
    if len(answer["description"]) < 10:
        return Check(name="conformance", passed=False, detail="NAT shows no description of the tool to a model.")
    return Check(name="conformance", passed=True, detail="One function, registered and described.")


def schema_check(tool: ToolSpec, shown: Mapping[str, Any], calls: Mapping[str, Any]) -> Check:
    """Judge the parameters that NAT shows to a model, and the results of the examples' calls."""
    wrong = [f"{each}." for each in parameter_differences(shown, tool.parameters)]
    for example, call in zip(tool.examples, calls.get("calls", ()), strict=False):
        complaint = result_complaint(call["result"], tool.returns) if "result" in call else None
        if complaint:
            arguments = json.dumps(example.arguments)[:300]
            wrong.append(f"The result for {arguments} does not fit `returns`: {complaint}")
    if wrong:
        return Check(name="schema", passed=False, detail="\n".join(wrong[:20]))
    return Check(name="schema", passed=True, detail="Parameters and results are as specified.")


def examples_check(
    name: CheckName, tool: ToolSpec, indices: Sequence[int], wanted: Mapping[int, Example], answer: Mapping[str, Any]
) -> Check:
    """Judge calls through NAT against the specification's examples with these `indices`.

    `wanted` holds the examples that a ruling has put in the place of the specification's. What does not fit is kept
    in `contradicted`. For `held_out` the detail names the arguments alone: the expected value stays unknown to the
    coder.
    """
    if not answer["ok"]:
        return Check(name=name, passed=False, detail=f"The examples could not be called: {answer['error']}")
    wrong, contradicted = [], []
    for index in indices:
        example, call = wanted.get(index, tool.examples[index]), answer["calls"][index]
        if _fits(example, call):
            continue
        contradicted.append({"example": index, "call": call})
        shown = f"arguments {json.dumps(example.arguments)}: the tool {_described(call)}"
        wrong.append(shown if name == "held_out" else f"{shown}, but the specification says {_wanted(example)}")
    total = len(indices)
    if wrong:
        kind = "hidden example" if name == "held_out" else "example"
        detail = f"{len(wrong)} of {total} {kind}s failed.\n" + "\n".join(wrong)
        return Check.model_validate({"name": name, "passed": False, "detail": detail, "contradicted": contradicted})
    return Check(name=name, passed=True, detail=f"{total} of {total} as specified.")


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
