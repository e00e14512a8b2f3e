"""Comes to a plan that is built: the planner's or a user's own, reviewed where somebody wants to, agreed to."""

from dataclasses import replace

from agenthands.environments.base import Environment
from agenthands.environments.nat_registry import NatRegistry
from agenthands.errors import ConfirmationNeeded, PlanRefused, RequestInvalid
from agenthands.events import stage
from agenthands.planning.decisions import Decider, current_decider
from agenthands.planning.objections import CaseFeedback, GivenPlan, Objection, PlanResult, Wish, wish_of
from agenthands.schemas import Plan
from agenthands.store.workdirs import BuildContext
from agenthands.tasks.estimate import estimate_of
from agenthands.tasks.plan import plan_agent


def agreed_plan(
    build: BuildContext, registry: NatRegistry, base: Environment, objections: list[Objection]
) -> PlanResult:
    """Return a plan that answers the last of the `objections`, and to which who decides here has agreed.

    What a person says in a review is added to the objections. A plan that answers failed test cases is not reviewed:
    it gives up no case. Raises PlanRefused, RequestInvalid, ConfirmationNeeded.
    """
    planned = plan_agent(build, registry, base, objections[-1] if objections else None)
    if objections and isinstance(objections[-1], CaseFeedback):
        return planned
    decider = current_decider()
    if decider.reviews:
        planned = _reviewed(build, registry, base, objections, planned)
    wish = wish_of(objections[-1]) if objections else None
    if wish and wish.keeps:
        _require_agreement(planned.plan, decider)
    return planned


def _reviewed(
    build: BuildContext, registry: NatRegistry, base: Environment, objections: list[Objection], planned: PlanResult
) -> PlanResult:
    """Return the plan of which a person approves; what cannot be built is told, and asked about again."""
    decider, complaint = current_decider(), ""
    while True:
        with stage(build.build_id, "review"):
            said = decider.review(planned, estimate_of(build, planned.plan), complaint)
        if said is None:
            return planned
        answered = _answered(said, planned, wish_of(objections[-1]) if objections else None)
        complaint = ""
        try:
            planned = plan_agent(build, registry, base, answered)
        except (PlanRefused, RequestInvalid) as error:
            complaint = error.message
        else:
            objections.append(answered)


def _answered(said: Plan | str, planned: PlanResult, wish: Wish | None) -> Wish | GivenPlan:
    """Return what a person's answer asks for: their own plan, or a change of this one or of the one it revises."""
    if isinstance(said, Plan):
        return GivenPlan(planned.model_copy(update={"plan": said}))
    if wish and wish.keeps:
        return replace(wish, change=f"{wish.change}\n{said}".strip())
    return Wish(PlanResult.given(planned.plan), said, keeps=False)


def _require_agreement(plan: Plan, decider: Decider) -> None:
    if plan.retired and not decider.retire(plan.retired):
        which = "; ".join(f"{case.id}: {case.why.rstrip('.')}" for case in plan.retired)
        raise ConfirmationNeeded(
            f"The change gives up what the agent was tested for before. {which}.",
            "If that is right, run the same command with --yes: the plan is kept and costs nothing again. Else say in "
            "the change what must stay.",
        )
