"""Estimates the cost of building a plan, from past builds if there are any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from agenthands._util.formatting import count
from agenthands.schemas import BuildRecord, Plan, add_costs

Price = tuple[float, float] | None
# (calls, prompt tokens, completion tokens) without a past build: a short tool takes about twelve model calls, each with
# the system prompt and some history, and a test case about three.
_TOOL, _CASE = (12, 9_000, 700), (3, 2_000, 200)


@dataclass(frozen=True)
class Estimate:
    """A cost in US dollars, None if no price is known, and a sentence that says what it is based on.

    `parts` are what it is the sum of: what is paid for, its cost, and what that is based on.
    """

    usd: float | None
    basis: str
    parts: tuple[tuple[str, float | None, str], ...] = ()


def estimate_cost(
    plan: Plan, models: Mapping[str, str], records: Sequence[BuildRecord], prices: Mapping[str, Price]
) -> Estimate:
    """Return the estimated cost of writing the plan's tools and running its test cases.

    `models` holds the models of the roles coder and agent by name, `prices` their US dollars per prompt and per
    completion token.
    """
    parts = [
        _part(len(plan.tools_to_write()), "tool", _past_tools(records, models["coder"]), _TOOL, prices["coder"]),
        _part(len(plan.test_cases), "test case", _past_cases(records, models["agent"]), _CASE, prices["agent"]),
    ]
    there = tuple(each for each in parts if each is not None)
    basis = "; ".join(f"{what}: {basis}" for what, _, basis in there)
    return Estimate(add_costs(*(usd for _, usd, _ in there)), basis, there)


def _part(
    number: int, noun: str, past: Sequence[float], assumed: tuple[int, int, int], price: Price
) -> tuple[str, float | None, str] | None:
    """Return what so many tools or test cases will cost, and why one thinks so; None where there are none."""
    if not number:
        return None
    what = count(number, noun)
    if past:
        before = f"{noun} cost" if len(past) == 1 else f"{len(past):,} {noun}s cost on average"
        return what, mean(past) * number, f"as much as the last {before}"
    if price is None:
        return what, None, "the model's price is not known, and none was paid before"
    calls, prompt, completion = assumed
    usd = number * calls * (prompt * price[0] + completion * price[1])
    return what, usd, f"a guess: {calls} calls each, a call of {prompt:,} tokens and {completion:,} in answer"


def _past_tools(records: Sequence[BuildRecord], coder: str) -> list[float]:
    """Return the cost in US dollars of each tool that this model wrote."""
    return [
        tool.cost_usd
        for record in records
        if record.models.get("coder") == coder
        for tool in record.tools
        if tool.cost_usd is not None and not tool.cached and tool.attempts
    ]


def _past_cases(records: Sequence[BuildRecord], agent: str) -> list[float]:
    """Return the cost in US dollars of each test case that this model answered, as the mean of its build."""
    costs: list[float] = []
    for record in records:
        asked = record.acceptance
        if record.models.get("agent") != agent or asked is None or asked.cached or not asked.cases:
            continue
        spent = add_costs(*(each.cost_usd for each in record.spending if each.stage == "accept"))
        if spent is not None and record.spending:
            costs += [spent / len(asked.cases)] * len(asked.cases)
    return costs
