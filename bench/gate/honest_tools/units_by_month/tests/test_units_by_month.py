import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.units_by_month import UnitsByMonthConfig


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", UnitsByMonthConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def test_the_months_in_their_order(world):
    found = call(world("usual"), product="tea")
    assert list(found.items()) == [("2027-01", 3), ("2027-02", 4), ("2027-03", 1)]


def test_one_month(world):
    assert call(world("usual"), product="bread") == {"2027-02": 2}


def test_never_sold(world):
    with pytest.raises(ValueError, match="'gold' was never sold"):
        call(world("usual"), product="gold")


def test_another_database(world):
    with pytest.raises(RuntimeError, match="cannot be asked: Catalog Error"):
        call(world("other"), product="tea")
