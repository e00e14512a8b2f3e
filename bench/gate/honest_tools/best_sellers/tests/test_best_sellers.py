import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.best_sellers import BestSellersConfig


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", BestSellersConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def names(found):
    return [(each["product"], each["units"]) for each in found]


def test_most_sold_first(world):
    assert names(call(world("usual"), category="drinks", most=5)) == [("milk", 9), ("tea", 7)]


def test_the_limit(world):
    assert names(call(world("usual"), category="drinks", most=1)) == [("milk", 9)]


def test_the_same_number(world):
    assert names(call(world("usual"), category="food", most=9)) == [("bread", 2), ("salt", 2)]


def test_never_sold(world):
    assert names(call(world("usual"), category="home", most=1)) == [("soap", 0)]


def test_unknown_category(world):
    with pytest.raises(ValueError, match="no category 'cars'"):
        call(world("usual"), category="cars", most=1)


def test_another_database(world):
    with pytest.raises(RuntimeError, match="cannot be asked: no such"):
        call(world("old"), category="food", most=1)


def test_no_database(tmp_path):
    with pytest.raises(RuntimeError, match="cannot be asked"):
        call({"shop": str(tmp_path / "none.sqlite")}, category="food", most=1)
