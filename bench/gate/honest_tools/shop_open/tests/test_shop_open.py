import asyncio
from datetime import datetime

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.shop_open import ShopOpenConfig, opening


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", ShopOpenConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def test_now(world):
    assert call(world("monday"), minutes=0).model_dump() == {"open": True, "closes": "18:00"}


def test_later(world):
    config = world("saturday")
    assert call(config, minutes=29).closes == "14:00"
    assert call(config, minutes=30).model_dump() == {"open": False, "closes": ""}


def test_another_zone(world):
    assert call(world("tokyo"), minutes=0).open


def test_no_zone(world):
    with pytest.raises(ValueError, match="'Moon/Sea' is no time zone"):
        call(world("nowhere"), minutes=0)


@pytest.mark.parametrize(("at", "is_open"), [("09:59", False), ("10:00", True), ("13:59", True), ("14:00", False)])
def test_the_first_and_the_last_minute(at, is_open):
    day = datetime.fromisoformat(f"2027-03-05T{at}")
    assert opening({"fri": ["10:00", "14:00"]}, day).open is is_open
    assert not opening({"thu": ["10:00", "14:00"]}, day).open
