"""What a person can change so that a tool passes that the gate rejected: one sentence, by what failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agenthands.gate.workspace import MISSING
from agenthands.models import Check, CustomTool, Plan, ToolOutcome
from agenthands.wording import one_line

_TOLD = 200
_STRONGER = "choose a stronger model for writing tools with `--coder`"


def tool_advice(tool: ToolOutcome, plan: Plan | None, files: Mapping[str, str]) -> str:
    """Say where the last report of a tool and its agent's trajectory lie, and what to change in the request."""
    planned = next((each for each in plan.custom_tools if each.name == tool.name), None) if plan else None
    report = f"tools/{tool.name}/gate-{tool.attempts}.json"
    trajectory = f"trajectories/{tool.name}.jsonl"
    where = [f"`{report}`"] if report in files else []
    where += [f"what its agent did is in `{trajectory}`"] if trajectory in files else []
    beside = f" ({', '.join(where)})" if where else ""
    return f"Look at what the gate says about {tool.name}{beside}: {what_to_change(tool, planned)}."


def what_to_change(tool: ToolOutcome, planned: CustomTool | None) -> str:
    """Say what to change in the request or the options, by why the tool was given up."""
    if "budget" in tool.reason:
        return "give more money with `--tool-budget`, or ask for less in this tool"
    if "content filter" in tool.reason:
        return "say in other words what it is for, or choose another model with `--coder`"
    if "longer than" in tool.reason:
        return "ask for a smaller tool, or choose a model with a larger context window with `--coder`"
    failures = tool.gate.failures() if tool.gate else []
    for check in failures:
        if said := _by_check(check, planned):
            return said
    return f"make the request or its examples more exact, give more attempts with `--max-attempts`, or {_STRONGER}"


def _by_check(check: Check, planned: CustomTool | None) -> str:
    """Say what helps against one failed check; empty where nothing special does."""
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


def _about_example(check: Check, planned: CustomTool | None) -> str:
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
