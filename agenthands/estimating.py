"""Estimates what the coding agents of a plan cost, from past builds where there are any."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import mean

from agenthands.models import BuildRecord, Plan

# Without a past build: a short tool takes about twelve model calls, each with the system prompt and some history.
_CALLS, _PROMPT, _COMPLETION = 12, 9_000, 700


@dataclass(frozen=True)
class Estimate:
    """US dollars, None where no price is known, and on what the figure is based."""

    usd: float | None
    basis: str


def estimate_cost(
    plan: Plan, coder: str, records: Iterable[BuildRecord], price: tuple[float, float] | None
) -> Estimate:
    """Estimate the cost of the plan's custom tools; `price` is US dollars per prompt and completion token."""
    count = len(plan.custom_tools)
    if count == 0:
        return Estimate(0.0, "there is no tool to write")
    past = [
        tool.cost_usd
        for record in records
        if record.models.get("coder") == coder
        for tool in record.tools
        if tool.cost_usd is not None and not tool.cached and tool.attempts
    ]
    if past:
        return Estimate(mean(past) * count, f"the mean of {len(past)} tools that {coder} wrote before")
    if price is None:
        return Estimate(None, f"the price of {coder} is unknown, and it has written no tool yet")
    calls = _CALLS * count
    usd = calls * (_PROMPT * price[0] + _COMPLETION * price[1])
    return Estimate(usd, f"assuming {_CALLS} calls a tool of {_PROMPT:,} and {_COMPLETION:,} tokens; nothing built yet")
