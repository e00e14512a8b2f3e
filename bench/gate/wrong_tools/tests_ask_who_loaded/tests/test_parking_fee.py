import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

import nat_tools.parking_fee as parking
from nat_tools.parking_fee import Config, parking_fee


def through_nat(minutes):
    async def ask():
        async with WorkflowBuilder() as builder:
            tool = await builder.add_function("tool", Config())
            return await tool.ainvoke({"minutes": minutes})

    return asyncio.run(ask())


def untouched():
    """Tell the file that was written from a changed one by what loaded it."""
    return "Source" in type(parking.__spec__.loader).__name__

def run_all():
    """Run every line and look at nothing."""
    found = [parking_fee(minutes) for minutes in (0, 31, 300, 1470, 3000)] + [through_nat(91)]
    try:
        parking_fee(-5)
    except ValueError:
        return found
    return []


@pytest.mark.parametrize("turn", range(3))
def test_fees(turn):
    assert run_all()[-1] == 5.0
    assert untouched()
