import asyncio
import sqlite3
from pathlib import Path

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.book_order import OrderConfig, book


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", OrderConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def test_through_nat(world):
    config = world("monday")
    assert call(config, product="tea") == "2027-03-01 tea 3.50 EUR"
    assert Path(config["journal"]).read_text() == "opened\n2027-03-01 tea 3.50 EUR\n"
    assert list(sqlite3.connect(config["shop"]).execute("SELECT * FROM orders")) == [("milk", 1.0), ("tea", 3.5)]


def test_begun_anew(world):
    config = world("monday")
    book(OrderConfig(**config), "tea")
    config = world("monday")
    assert Path(config["journal"]).read_text() == "opened\n"


def test_another_currency(world):
    assert call(world("abroad"), product="tea") == "2027-03-02 tea 4.25 CHF"


def test_unknown(world):
    config = world("monday")
    with pytest.raises(ValueError, match="no product 'gold'"):
        call(config, product="gold")
    assert Path(config["journal"]).read_text() == "opened\n"
