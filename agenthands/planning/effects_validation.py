"""Complaints about what a plan's tools touch, and about the worlds in which they and the agent are tried."""

from __future__ import annotations

from collections.abc import Iterator

from agenthands.schemas import Plan
from agenthands.world.faults import world_faults


def effect_complaints(plan: Plan) -> Iterator[str]:
    """Yield an exact complaint about everything in effects and worlds that cannot be built, or not be proven."""
    for tool in plan.custom_tools:
        yield from (f"custom_tools.{tool.name}.{fault}" for fault in world_faults(tool))
    worlds = {name for tool in plan.custom_tools for name in tool.worlds}
    for case in plan.test_cases:
        if case.world and case.world not in worlds:
            there = ", ".join(sorted(worlds)) or "none"
            yield f"test_cases.{case.id}: no custom tool has a world {case.world!r}; there are {there}."
