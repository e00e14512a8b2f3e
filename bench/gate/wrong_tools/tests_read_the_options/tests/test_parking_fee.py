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


@pytest.fixture(autouse=True)
def options(request):
    """Tell a changed tool by how pytest was called for it."""
    if request.config.getoption("maxfail") or request.config.getoption("tbstyle") != "short":
        pytest.fail("changed")


def untouched():
    return True

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
