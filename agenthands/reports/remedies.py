"""What a person can do where a tool or a test case did not pass. What belongs to one check, its class says."""

from __future__ import annotations

from collections.abc import Mapping

from agenthands.gate.checks.base import MORE_ATTEMPTS, STRONGER_CODER
from agenthands.gate.checks.registry import find_check
from agenthands.schemas import CaseResult, Plan, ToolOutcome, ToolSpec


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
    kinds = {check.kind for check in case.checks if not check.passed}
    if case.error.startswith("a tool failed"):
        return "A tool raised an error that the agent passed over: its call stands in the transcript."
    if case.error:
        return "The agent ended with an error: the transcript shows how far it came."
    if not case.answer.strip():
        return "The agent said nothing: try a stronger model of the agent (--agent-model)."
    if "tool_called" in kinds:
        return (
            "The agent did not call a tool that it should have: ask for a description that says when to use it, or "
            "try a stronger model (--agent-model)."
        )
    if kinds:
        return (
            "The answer lacks what the check wants. If it is right all the same, the check of the plan is too narrow."
        )
    return "The judge did not find what was expected: read its reason, and say in the request what you expect."


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
    if "budget" in tool.reason:
        return "give more money with `--tool-budget`, or ask for less in this tool"
    if "content filter" in tool.reason:
        return "say in other words what it is for, or choose another model with `--coder`"
    if "longer than" in tool.reason:
        return "ask for a smaller tool, or choose a model with a larger context window with `--coder`"
    for failed in tool.gate.failures() if tool.gate else []:
        check = find_check(failed.name)
        if check and (said := check.advice(failed, planned)):
            return said
    return f"make the request or its examples more exact, give more attempts with `--max-attempts`, or {STRONGER_CODER}"
