"""What each check of the gate asks of a tool, and what a person can do where it did not pass."""

from __future__ import annotations

from agenthands.models import CaseResult
from agenthands.models.gate import CheckName

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
    """Say what a person can do about a tool that does not pass this check."""
    return _ADVICE[check]


def advice_on_case(case: CaseResult) -> str:
    """Say what a person can do about a test case that failed."""
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
