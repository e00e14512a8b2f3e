"""Turns what the harness measured into checks, each with a detail that a coding agent can act on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from agenthands.models import Check, ErrorExample, ResultExample
from agenthands.models.gate import CheckName

MIN_TESTS = 3
_RELATIVE_TOLERANCE = 1e-6
Example = ResultExample | ErrorExample


def conformance_check(answer: Mapping[str, Any]) -> Check:
    """Judge the import under NAT and what was registered."""
    if not answer["ok"]:
        return Check(name="conformance", passed=False, detail=f"NAT cannot use the tool: {answer['error']}")
    if len(answer["description"]) < 10:
        return Check(name="conformance", passed=False, detail="NAT shows no description of the tool to a model.")
    return Check(name="conformance", passed=True, detail="One function, registered and described.")


def own_tests_check(answer: Mapping[str, Any]) -> Check:
    """Judge a run of the tool's own tests."""
    outcomes: Mapping[str, str] = answer.get("outcomes", {})
    passed = sum(outcome == "passed" for outcome in outcomes.values())
    skipped = [test for test, outcome in outcomes.items() if outcome == "skipped"]
    if "error" in answer:
        detail = f"pytest did not finish: {answer['error']}"
    elif not answer["ok"]:
        shown = "\n\n".join(answer["failures"]) or f"pytest ended with exit code {answer['exit_code']}."
        detail = f"{passed} of {len(outcomes)} tests passed.\n\n{shown}"
    elif skipped:
        detail = f"No test may be skipped: {', '.join(skipped)}."
    elif passed < MIN_TESTS:
        detail = f"{passed} tests are too few; write at least {MIN_TESTS} that assert something about the tool."
    else:
        return Check(name="tests", passed=True, detail=f"{passed} tests passed.")
    return Check(name="tests", passed=False, detail=detail)


def examples_check(name: CheckName, examples: Sequence[Example], answer: Mapping[str, Any]) -> Check:
    """Judge calls through NAT against the specification's examples.

    For `held_out` the detail names the arguments alone: the expected value stays unknown to the coder.
    """
    if not answer["ok"]:
        return Check(name=name, passed=False, detail=f"The examples could not be called: {answer['error']}")
    wrong = []
    for example, call in zip(examples, answer["calls"], strict=True):
        if _fits(example, call):
            continue
        shown = f"arguments {json.dumps(example.arguments)}: the tool {_described(call)}"
        wrong.append(shown if name == "held_out" else f"{shown}, but the specification says {_wanted(example)}")
    total = len(examples)
    if wrong:
        kind = "hidden example" if name == "held_out" else "example"
        detail = f"{len(wrong)} of {total} {kind}s failed.\n" + "\n".join(wrong)
        return Check(name=name, passed=False, detail=detail)
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
