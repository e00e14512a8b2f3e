"""What each check of the gate asks of a tool, and what a person can do where it did not pass."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agenthands._util.formatting import one_line
from agenthands.evaluation.case_reason import reason_of
from agenthands.gate.checks.files import MISSING
from agenthands.reasons import REASONS, as_part
from agenthands.schemas import CaseResult, Check, Plan, ToolOutcome, ToolSpec
from agenthands.schemas.gate_report import CheckName

_MEANINGS: dict[CheckName, str] = {
    "files": "The tool and its tests are there, nothing else is, and neither reaches around Python or pytest.",
    "conformance": "NAT imports it and registers exactly this function: async, typed, described.",
    "schema": "A model is shown the parameters of the specification, and the results fit what it says.",
    "tests": "Its tests pass, none is skipped, and they fail when the tool returns nothing.",
    "isolation": "Each test passes alone, and all pass in reverse order.",
    "repeatable": "The tests say the same with another hash seed and on another date.",
    "examples": "The examples that the coder saw hold, called through NAT.",
    "held_out": "So do the examples that the coder never saw.",
    "stub": "Its tests notice a tool that does nothing useful.",
    "mutation": "Its tests notice at least 80 % of small changes to its code.",
    "hygiene": "No findings of the linters, no undeclared import, no secret; the tests run 90 % of its lines.",
}

_SPECIFICATION = (
    "The tool and its specification disagree. Say in the request, with numbers, what such a call must give; "
    "where the tool is right, the planner misunderstood it."
)
_MORE_TRIES = "The coder did not repair it in time: give more attempts (--max-attempts) or a stronger model (--coder)."
_ADVICE: dict[CheckName, str] = {
    "files": "The coder stopped before it was done, or left something behind: give it more steps "
    "(AGENTHANDS_CODER_STEPS), or a stronger model (--coder).",
    "conformance": _MORE_TRIES,
    "schema": _SPECIFICATION,
    "tests": _MORE_TRIES,
    "isolation": "The tests share something, a file or a global: " + _MORE_TRIES[0].lower() + _MORE_TRIES[1:],
    "repeatable": "The tool or its tests depend on chance or on the day. Ask for a result that does not, or have the "
    "date given as an argument.",
    "examples": _SPECIFICATION,
    "held_out": _SPECIFICATION,
    "stub": _MORE_TRIES,
    "mutation": "The tests are too weak; the faults that they missed stand below. Try again with a stronger model "
    "(--coder).",
    "hygiene": "The finding says what to change. A tool that needs the network, or a package, must say so in the plan.",
}


def meaning(check: CheckName) -> str:
    """Say in one sentence what a check asks for."""
    return _MEANINGS[check]


def advice_on_check(check: CheckName) -> str:
    """Return what a person can do about a tool that does not pass this check."""
    return _ADVICE[check]


def advice_on_case(case: CaseResult) -> str:
    """Return what a person can do about a test case that failed."""
    reason = REASONS[reason_of(case)]
    return f"{reason.meaning} {reason.advice}"


_TOLD = 200
_STRONGER = "choose a stronger model for writing tools with `--coder`"


# What a person must change first, whatever the gate found.
_DECIDES = {"tool_budget_reached", "budget_reached", "content_filtered", "refused", "context_exceeded"}


def tool_advice(tool: ToolOutcome, plan: Plan | None, files: Mapping[str, str]) -> str:
    """Say where the last report of a tool and its agent's trajectory lie, and what to change in the request."""
    planned = next((each for each in plan.custom_tools if each.name == tool.name), None) if plan else None
    report = f"tools/{tool.name}/gate-{tool.attempts}.json"
    trajectory = f"trajectories/{tool.name}.jsonl"
    where = [f"`{report}`"] if report in files else []
    where += [f"what its agent did is in `{trajectory}`"] if trajectory in files else []
    beside = f" ({', '.join(where)})" if where else ""
    return f"Look at what the gate says about {tool.name}{beside}: {what_to_change(tool, planned)}."


def what_to_change(tool: ToolOutcome, planned: ToolSpec | None) -> str:
    """Return what to change in the request or the options, by why the tool was given up."""
    if tool.reason_code in _DECIDES and tool.reason_code in REASONS:
        return as_part(REASONS[tool.reason_code].advice)
    failures = tool.gate.failures() if tool.gate else []
    for check in failures:
        if said := _by_check(check, planned):
            return said
    return f"make the request or its examples more exact, give more attempts with `--max-attempts`, or {_STRONGER}"


def _by_check(check: Check, planned: ToolSpec | None) -> str:
    """Return what helps against one failed check; empty where nothing special does."""
    if check.name == "files" and MISSING in check.detail:
        return f"the model says that it is done and leaves no files, so {_STRONGER}"
    if check.name in ("examples", "held_out"):
        return _about_example(check, planned)
    if check.name == "hygiene" and "is for the network" in check.detail:
        return "it wants the network, so say in the request that this tool may use it, or that it must do without"
    if check.name == "hygiene" and "specification's dependencies" in check.detail:
        return "it wants a package, so name in the request the packages that it may use"
    if check.name in ("conformance", "schema"):
        return f"ask for simpler arguments and results, or {_STRONGER}"
    if check.name in ("tests", "isolation", "repeatable", "stub", "mutation"):
        return (
            f"its own tests are not good enough ({check.name}), so {_STRONGER}, or give more attempts with "
            "`--max-attempts`"
        )
    return ""


def _about_example(check: Check, planned: ToolSpec | None) -> str:
    """Name the first example that failed, with both sides: a person may know which one is right."""
    found: list[dict[str, Any]] = (check.model_extra or {}).get("contradicted") or []
    if not found or planned is None or not 0 <= found[0]["example"] < len(planned.examples):
        return "state its examples more exactly in the request"
    example = planned.examples[found[0]["example"]].model_dump(mode="json")
    arguments, call = _shown(example["arguments"]), found[0]["call"]
    return (
        f"it {_side(call)} for {arguments}, where the plan says that it {_side(example)}; say in the request exactly "
        f"what it must do there, and how"
    )


def _side(side: Mapping[str, Any]) -> str:
    if raised := side.get("raises"):
        return f"raises {one_line(raised[0] if isinstance(raised, list) else str(raised), _TOLD)}"
    return f"gives {_shown(side.get('result', side.get('expected')))}"


def _shown(value: Any) -> str:
    # A backtick would begin a command of ours.
    return one_line(json.dumps(value, ensure_ascii=False), _TOLD).replace("`", "'")
