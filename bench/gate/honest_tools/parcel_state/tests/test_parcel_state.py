import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.parcel_state import ParcelStateConfig


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", ParcelStateConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def test_the_last_stop(world):
    found = call(world("usual"), number="100001")
    assert found.model_dump() == {"place": "Bremen", "stops": 2, "delivered": False}
    assert [each["url"] for each in world.requests()] == ["https://parcels.example/v1/parcels/100001"]


def test_delivered(world):
    assert call(world("usual"), number="100002").delivered


def test_no_stop_yet(world):
    found = call(world("usual"), number="100003")
    assert (found.place, found.stops) == ("not yet sent", 0)


def test_it_asks_again_where_the_service_is_busy(world):
    assert call(world("flaky"), number="100001").place == "Kiel"
    assert len(world.requests()) == 3


def test_it_gives_up(world):
    with pytest.raises(RuntimeError, match="status 503"):
        call(world("down"), number="100001")
    assert len(world.requests()) == 3


def test_unknown(world):
    with pytest.raises(ValueError, match="no parcel 999999"):
        call(world("usual"), number="999999")
    assert len(world.requests()) == 1
