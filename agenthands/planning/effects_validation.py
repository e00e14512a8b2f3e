"""Complaints about what a plan's tools touch, and about the worlds in which they and the agent are tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agenthands.schemas import Exchange, Plan, TestCase, ToolSpec
from agenthands.schemas.test_case import called_tools
from agenthands.world.faults import world_faults


def effect_complaints(plan: Plan) -> Iterator[str]:
    """Yield an exact complaint about everything in effects and worlds that cannot be built, or not be proven."""
    for tool in plan.custom_tools:
        yield from (f"custom_tools.{tool.name}.{fault}" for fault in world_faults(tool))
    recorded = {tool.name: tool for tool in plan.custom_tools if tool.worlds}
    for case in plan.test_cases:
        yield from (f"test_cases.{case.id}: {fault}" for fault in _case_faults(case, recorded))


def origin_complaints(plan: Plan, earlier: Plan | None, probed: Iterable[Exchange] = ()) -> Iterator[str]:
    """Yield a complaint about each exchange that a planner says was recorded, but those of an `earlier` plan or probe.

    Of these it may choose the turn.
    """
    known = [*probed, *(exchange for _, exchange in recorded_in(earlier))] if earlier else [*probed]
    for where, exchange in recorded_in(plan):
        if not any(exchange == each.model_copy(update={"turn": exchange.turn}) for each in known):
            yield f"{where}: nobody recorded this exchange, so leave `origin` and `at` out."


def recorded_in(plan: Plan) -> Iterator[tuple[str, Exchange]]:
    """Yield the exchanges that say that they were recorded, and where they stand."""
    for tool in plan.custom_tools:
        for name, world in tool.worlds.items():
            for number, exchange in enumerate(world.http, start=1):
                if exchange.origin == "recorded":
                    yield f"custom_tools.{tool.name}.worlds.{name}.http.{number}", exchange


def _case_faults(case: TestCase, recorded: Mapping[str, ToolSpec]) -> Iterator[str]:
    """Yield what is wrong with the world of a test case; `recorded` are the tools that have worlds."""
    worlds = sorted({name for tool in recorded.values() for name in tool.worlds})
    if case.world and case.world not in worlds:
        yield f"no custom tool has a world {case.world!r}; there are {', '.join(worlds) or 'none'}."
        return
    if worlds and not case.world:
        yield f"name its world, in which its tools are tried; there are {', '.join(worlds)}."
        return
    for name in sorted(called_tools(case) & recorded.keys()):
        if case.world not in recorded[name].worlds:
            there = ", ".join(recorded[name].worlds)
            yield (
                f"it calls {name}, which has no world {case.world!r}, only {there}: choose one that all its tools "
                f"have, or record {case.world!r} for {name}, too."
            )
