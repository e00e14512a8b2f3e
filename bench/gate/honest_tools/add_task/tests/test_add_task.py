import asyncio
import sqlite3

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.add_task import AddTaskConfig


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", AddTaskConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def rows(config):
    return sqlite3.connect(config["tasks"]).execute("SELECT title, added, done FROM tasks ORDER BY id").fetchall()


def test_added_with_the_date(world):
    config = world("monday")
    assert call(config, title="buy tea") == 2
    assert rows(config) == [("pay rent", "2027-02-28", 0), ("buy tea", "2027-03-01", 0)]


def test_what_is_done_does_not_count(world):
    assert call(world("many"), title="call Ann") == 3


def test_twice(world):
    config = world("new")
    assert call(config, title="buy tea") == 1
    with pytest.raises(ValueError, match="The task 'buy tea' is on the list"):
        call(config, title="buy tea")
    assert rows(config) == [("buy tea", "2027-03-02", 0)]


def test_another_database(world):
    with pytest.raises(RuntimeError, match="cannot be changed: no such table"):
        call(world("locked"), title="x")
