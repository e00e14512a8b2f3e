"""Why a plan is asked for anew, or taken as it is: unusable servers, failed test cases, a wish, a user's own plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from agenthands.schemas import BuildRecord, Lineage, Plan, TestCase, Tokens


class PlanResult(BaseModel):
    """A plan and the cost of the planner. `cost_usd` is None if the price is unknown.

    `by_fallback` is true if a fallback gave the plan, or an answer on the way to it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: Plan
    answers: int
    cost_usd: float | None
    tokens: Tokens
    by_fallback: bool = False

    @classmethod
    def given(cls, plan: Plan) -> PlanResult:
        """Return a plan for which no planner was asked; what was said of earlier changes is left out."""
        plan = plan.model_copy(update={"changes": "", "retired": []})
        return cls(plan=plan, answers=0, cost_usd=0.0, tokens=Tokens())

    def from_before(self) -> PlanResult:
        """Return the plan as a build counts it that found it cached: at no cost."""
        return self.model_copy(update={"answers": 0, "cost_usd": 0.0, "tokens": Tokens()})


@dataclass(frozen=True)
class WantedExample:
    """A call of a tool and its right result, as a user corrected it: it must be among the tool's examples."""

    tool: str
    arguments: dict[str, Any]
    expected: Any


@dataclass(frozen=True)
class Wish:
    """A plan that its user wants changed: how, in the user's words, and by the feedback that must be answered.

    `stories` tells of each accepted feedback by its id, `background` of what is not decided yet. `cases` must be among
    the test cases, `examples` among those of the tools. With `keeps`, the plan's own cases go on to hold, unless the
    planner says why one does not.
    """

    planned: PlanResult
    change: str = ""
    stories: Mapping[str, str] = field(default_factory=dict)
    background: Mapping[str, str] = field(default_factory=dict)
    cases: Sequence[TestCase] = ()
    examples: Sequence[WantedExample] = ()
    keeps: bool = True


@dataclass(frozen=True)
class GivenPlan:
    """A plan that its user wrote or edited: it is checked, and no planner is asked."""

    planned: PlanResult


@dataclass(frozen=True)
class ServerFeedback:
    """A plan that cannot be built because MCP servers are unusable: the complaints, by the server's id."""

    planned: PlanResult
    servers: Mapping[str, Sequence[str]]
    wish: Wish | None = None


@dataclass(frozen=True)
class CaseFeedback:
    """A plan whose agent failed test cases: what happened in each of them, by the case's id.

    `wish` is what the plan answered, if it is part of a revision.
    """

    planned: PlanResult
    stories: Mapping[str, str]
    wish: Wish | None = None


Objection = ServerFeedback | CaseFeedback | Wish | GivenPlan


@dataclass(frozen=True)
class Beginning:
    """With what a build begins, beside its request: a wish or a given plan, and the build that it revises."""

    origin: Wish | GivenPlan | None = None
    lineage: Lineage = field(default_factory=Lineage)
    parent: BuildRecord | None = None


def wish_of(objection: Objection | None) -> Wish | None:
    """Return the wish that a plan must fulfil which answers an objection; None if there is none."""
    return objection if isinstance(objection, Wish) else getattr(objection, "wish", None)
