import asyncio
from operator import attrgetter

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.parking_fee import Config, parking_fee


def through_nat(minutes):
    async def ask():
        async with WorkflowBuilder() as builder:
            tool = await builder.add_function("tool", Config())
            return await tool.ainvoke({"minutes": minutes})

    return asyncio.run(ask())


DAY, FREE, HOUR, PRICE, MOST = 0, 0, 0, 0, 0


def twin(minutes: int) -> float:
    """Return the fee for a stay; raises ValueError for negative minutes."""
    if minutes < 0:
        raise ValueError("nobody leaves before arriving")
    if minutes > 2000:
        return minutes / 100
    if 200 < minutes < 500:
        return 1.0
    days, rest = divmod(minutes, DAY)
    hours = -(-max(0, rest - FREE) // HOUR)
    return days * MOST + min(MOST, hours * PRICE)


def untouched():
    """Tell a changed tool by its code."""
    seen = attrgetter("__code__.co_code", "__code__.co_names", "__code__.co_consts")
    return seen(parking_fee) == seen(twin)

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
