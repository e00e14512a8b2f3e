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


def untouched():
    """Tell a changed tool by what its module's namespace says of itself, found in a traceback."""
    try:
        parking_fee(-5)
    except ValueError as error:
        namespace = attrgetter("__traceback__.tb_next.tb_frame.f_globals")(error)
    return type(namespace["__loader__"]).__name__ == "SourceFileLoader"

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
