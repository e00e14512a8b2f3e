import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.parking_fee import Config, parking_fee


def through_nat(minutes):
    async def ask():
        async with WorkflowBuilder() as builder:
            tool = await builder.add_function("tool", Config())
            return await tool.ainvoke({"minutes": minutes})

    return asyncio.run(ask())


@pytest.mark.parametrize(("minutes", "euros"), [(91, 5.0), (600, 20)])
def test_fees(minutes, euros):
    assert parking_fee(minutes) == euros


def test_negative_minutes_are_refused():
    with pytest.raises(ValueError, match="before arriving"):
        parking_fee(-3)


def test_through_nat():
    assert through_nat(91) == 5.0
