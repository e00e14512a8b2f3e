"""Puts a model on trial in every role, with one small budget, and says what a build can count on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from agenthands.errors import AgentHandsError, BudgetReached, ModelNotUsable
from agenthands.llm.budget import Budget, BudgetTracker
from agenthands.schemas import Tokens, add_costs
from agenthands.trial.agent import try_tools
from agenthands.trial.answers import Found, try_form, try_judging, try_length
from agenthands.trial.base import Finding, ModelTrial, OnTrial, Part
from agenthands.trial.coder import try_coding

MOST_TOKENS = 200_000
"""No further call begins once a trial has used so many."""
_WHOLLY = {"key_missing", "key_refused", "quota_exhausted", "model_unavailable", "model_limited"}
_OF_TOOLS = ("coder", "agent")


def run_trial(on: OnTrial, budget: Budget, tell: Callable[[Finding], None] = lambda _: None) -> ModelTrial:
    """Make one call of each kind and return what was found; `tell` hears of each finding as it comes.

    What the model or its provider does wrong is a finding, never an error. A model that cannot be reached at all is
    asked once. Raises SandboxUnavailable or SandboxLost.
    """
    began = time.monotonic()
    tracker = BudgetTracker(budget)
    scope = tracker.scope
    chat = {role: on.chat(scope(role)) for role in ("planner", "judge")}
    steps: Sequence[tuple[Part, Callable[[], Found]]] = (
        ("planner", lambda: try_form(chat["planner"])),
        ("planner", lambda: try_length(chat["planner"])),
        ("coder", lambda: try_coding(on.coder, on.sandbox, scope("coder"))),
        ("agent", lambda: try_tools(on.gateway, scope("agent"))),
        ("judge", lambda: try_judging(chat["judge"])),
    )
    findings: list[Finding] = []
    away: dict[str, str] = {}
    for role, step in steps:
        model = on.models[role]
        found = ("not tried: see above", away[model]) if model in away else _tried(role, step)
        if found[1] in _WHOLLY:
            away[model] = found[1]
        findings.append(Finding(role, model, *found))
        tell(findings[-1])
    spent = tracker.spending
    return ModelTrial(
        findings,
        add_costs(*(each.cost_usd for each in spent)),
        sum((each.tokens for each in spent), Tokens()),
        sum(each.calls for each in spent),
        round(time.monotonic() - began, 3),
    )


def _tried(role: Part, step: Callable[[], Found]) -> Found:
    """Return what a step found; an error of the model is a finding too."""
    try:
        return step()
    except BudgetReached as error:
        return f"not tried: {error.message}", error.code
    except ModelNotUsable as error:
        refused = type(error) is ModelNotUsable and role in _OF_TOOLS
        return error.message, "tools_refused" if refused else error.code
    except AgentHandsError as error:
        if error.code.startswith("sandbox_"):
            raise
        return error.message, error.code
