import asyncio
from datetime import datetime

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.time_zones import TimeZonesConfig, elsewhere, zone


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", TimeZonesConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def at(text, home, *others):
    return elsewhere(datetime.fromisoformat(text), home, list(others))


def test_summer_and_winter():
    assert at("2024-07-01 12:00", "Europe/Berlin", "UTC", "Asia/Kolkata") == {
        "UTC": "2024-07-01T10:00+00:00",
        "Asia/Kolkata": "2024-07-01T15:30+05:30",
    }
    assert at("2024-01-01 00:30", "Europe/Berlin", "UTC") == {"UTC": "2023-12-31T23:30+00:00"}


@pytest.mark.parametrize("minute", ["02:00", "02:59"])
def test_skipped_time(minute):
    with pytest.raises(ValueError, match=f"clocks in Europe/Berlin skipped {minute}"):
        at(f"2024-03-31 {minute}", "Europe/Berlin", "UTC")


@pytest.mark.parametrize(("minute", "utc"), [("01:59", "00:59"), ("03:00", "01:00")])
def test_around_the_skipped_time(minute, utc):
    assert at(f"2024-03-31 {minute}", "Europe/Berlin", "UTC") == {"UTC": f"2024-03-31T{utc}+00:00"}


def test_time_that_comes_twice_is_the_first():
    assert at("2024-10-27 02:30", "Europe/Berlin", "UTC") == {"UTC": "2024-10-27T00:30+00:00"}


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "/etc", "Europe"])
def test_unknown_zones(name):
    with pytest.raises(ValueError, match="unknown zone"):
        zone(name)


def test_through_nat():
    assert call(moment="2024-07-01T12:00:00", zone="UTC", others=["UTC"]) == {"UTC": "2024-07-01T12:00+00:00"}
    with pytest.raises(ValueError, match="unknown zone 'x'"):
        call(moment="2024-07-01T12:00:00", zone="UTC", others=["x"])
