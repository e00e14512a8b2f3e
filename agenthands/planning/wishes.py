"""Whether a plan does what its user wished, and keeps what was agreed before."""

from __future__ import annotations

from collections.abc import Iterator

from agenthands.planning.objections import CaseFeedback, GivenPlan, Objection, WantedExample, Wish, wish_of
from agenthands.schemas import Plan, TestCase
from agenthands.schemas.plan_changes import changed_parts
from agenthands.schemas.tool_spec import ResultExample


def answer_complaints(plan: Plan, objection: Objection | None) -> list[str]:
    """Return what is wrong with a plan as an answer to an objection; empty where it is none."""
    if objection is None or isinstance(objection, GivenPlan):
        return []
    found: list[str] = []
    if wish := wish_of(objection):
        found += _wish_complaints(plan, wish)
    if isinstance(objection, CaseFeedback):
        found += _repair_complaints(plan, objection)
    if isinstance(objection, CaseFeedback | Wish):
        if not changed_parts(objection.planned.plan, plan):
            return [*found, "The plan is the same as before, and would fail again."]
        if not plan.changes.strip():
            found.append("changes: say what you changed and why.")
    return found


def cases_no_longer_kept(plan: Plan, before: Plan) -> list[str]:
    """Return the ids of the earlier test cases that a plan does not have as they were."""
    kept = {case.id: case for case in plan.test_cases}
    return [case.id for case in before.test_cases if kept.get(case.id) != case]


def _wish_complaints(plan: Plan, wish: Wish) -> Iterator[str]:
    before = wish.planned.plan
    if wish.keeps:
        if plan.name != before.name:
            yield f"name: the agent is still called {before.name!r}."
        yield from _retired_complaints(plan, before)
    cases = {case.id: case for case in plan.test_cases}
    for wanted in wish.cases:
        if not _asks_the_same(cases.get(wanted.id), wanted):
            yield f"test_cases: {wanted.id} must be there with the query and the history that its user gave."
    for example in wish.examples:
        if fault := _example_fault(plan, example):
            yield fault


def _retired_complaints(plan: Plan, before: Plan) -> Iterator[str]:
    gone, retired = cases_no_longer_kept(plan, before), {each.id for each in plan.retired}
    if missing := [name for name in gone if name not in retired]:
        yield (
            f"test_cases: {', '.join(missing)} must stay exactly as they were, or be listed in `retired` with why they "
            "no longer hold."
        )
    if wrong := [name for name in retired if name not in gone]:
        yield f"retired: {', '.join(sorted(wrong))}: only an earlier case that is left out or changed belongs here."


def _asks_the_same(case: TestCase | None, wanted: TestCase) -> bool:
    return case is not None and (case.query, case.history) == (wanted.query, wanted.history)


def _example_fault(plan: Plan, wanted: WantedExample) -> str:
    tool = next((tool for tool in plan.custom_tools if tool.name == wanted.tool), None)
    if tool is None:
        return ""  # the tool is gone: there is nothing that could be right
    right = (
        isinstance(each, ResultExample) and (each.arguments, each.expected) == (wanted.arguments, wanted.expected)
        for each in tool.examples
    )
    if any(right):
        return ""
    return f"custom_tools.{tool.name}.examples: {wanted.arguments!r} with the result {wanted.expected!r} must be there."


def _repair_complaints(plan: Plan, objection: CaseFeedback) -> Iterator[str]:
    """Yield what is wrong with a plan as an answer to failed test cases: a case dropped, or one that was agreed."""
    before = objection.planned.plan
    kept = {case.id for case in plan.test_cases}
    if dropped := [case.id for case in before.test_cases if case.id not in kept]:
        yield f"test_cases: {', '.join(dropped)} must stay; correct a case that asks for the wrong thing."
    if objection.wish and objection.wish.keeps and plan.retired != before.retired:
        yield "retired: it was agreed with the user and stays as it was; all other earlier cases must go on to hold."
