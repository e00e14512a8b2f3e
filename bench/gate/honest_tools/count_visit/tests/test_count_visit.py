import asyncio

import duckdb
import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.count_visit import CountVisitConfig


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", CountVisitConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def test_counted(world):
    config = world("usual")
    assert call(config, page="home") == 8
    assert call(config, page="home") == 9
    with duckdb.connect(config["visits"], read_only=True) as visits:
        assert visits.execute("SELECT times FROM visits WHERE page = 'home'").fetchall() == [(9,)]


def test_the_first_visit(world):
    assert call(world("usual"), page="new") == 1


def test_another_database(world):
    with pytest.raises(RuntimeError, match="not counted: Catalog Error"):
        call(world("other"), page="home")
