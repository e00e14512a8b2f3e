import asyncio
from pathlib import Path

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.stock_export import StockExportConfig


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", StockExportConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def written(config, letter):
    return (Path(config["out"]) / f"{letter}.csv").read_bytes()


def test_written_by_item(world):
    config = world("usual")
    assert call(config, warehouse="A") == 3
    assert written(config, "A") == b'item,units\n"bread, white",3\nmilk,12\ntea,5\n'


def test_an_empty_warehouse(world):
    config = world("usual")
    assert call(config, warehouse="B") == 0
    assert written(config, "B") == b"item,units\n"


def test_again(world):
    config = world("usual")
    call(config, warehouse="C")
    assert call(config, warehouse="C") == 2
    assert written(config, "C") == b"item,units\nham,0\nsalt,1\n"


def test_unknown(world):
    with pytest.raises(ValueError, match="no warehouse Z"):
        call(world("usual"), warehouse="Z")


def test_an_outage_leaves_the_old_file(world):
    config = world("down")
    with pytest.raises(RuntimeError, match="status 500. Nothing was written"):
        call(config, warehouse="A")
    assert written(config, "A") == b"item,units\nold,1\n"
