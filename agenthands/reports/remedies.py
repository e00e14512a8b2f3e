"""What a person can do where a tool or a test case did not pass. What belongs to one check, its class says."""

from __future__ import annotations

from collections.abc import Mapping

from agenthands.evaluation.case_reason import reason_of
from agenthands.gate.checks.base import MORE_ATTEMPTS, STRONGER_CODER
from agenthands.gate.checks.registry import find_check
from agenthands.reasons import REASONS, as_part
from agenthands.schemas import CaseResult, Plan, ToolOutcome, ToolSpec

# What a person must change first, whatever the gate found.
_DECIDES = {"tool_budget_reached", "budget_reached", "content_filtered", "refused", "context_exceeded"}


def meaning(name: str) -> str:
    """Return in one sentence what a check of the gate asks for; empty where this version has no such check."""
    check = find_check(name)
    return check.sentence if check else ""


def advice_on_check(name: str) -> str:
    """Return what a person can do about a tool that does not pass this check."""
    check = find_check(name)
    return check.remedy if check else MORE_ATTEMPTS


def advice_on_case(case: CaseResult) -> str:
    """Return what a person can do about a test case that failed."""
    reason = REASONS[reason_of(case)]
    if case.hosts:
        return f"{reason.meaning} Build again with AGENTHANDS_EGRESS={','.join(case.hosts)}: it asked for these hosts."
    return f"{reason.meaning} {reason.advice}"


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
    for failed in tool.gate.failures() if tool.gate else []:
        check = find_check(failed.name)
        if check and (said := check.advice(failed, planned)):
            return said
    return f"make the request or its examples more exact, give more attempts with `--max-attempts`, or {STRONGER_CODER}"
