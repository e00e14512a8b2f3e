import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.geo_distance import GeoDistanceConfig, Point, bearing, distance


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", GeoDistanceConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


QUARTER = 10007.557


@pytest.mark.parametrize(
    ("start", "end", "km", "direction"),
    [
        ((0, 0), (0, 90), QUARTER, 90),
        ((0, 0), (90, 0), QUARTER, 0),
        ((0, 0), (0, -90), QUARTER, 270),
        ((45, 10), (-45, 10), QUARTER, 180),
        ((52.52, 13.405), (48.8566, 2.3522), 877.464, 246.743),
        ((40, 20), (50, 60), 3289.927, 56.806),
        ((0, 0), (0, 1), 111.195, 90),
    ],
)
def test_routes(start, end, km, direction):
    assert distance(Point(*start), Point(*end)) == pytest.approx(km, abs=0.01)
    assert bearing(Point(*start), Point(*end)) == pytest.approx(direction, abs=0.01)


@pytest.mark.parametrize("point", [(90.1, 0), (-90.1, 0), (0, 180.1), (0, -180.1)])
def test_not_on_earth(point):
    with pytest.raises(ValueError, match="not on Earth"):
        Point(*point).checked()


@pytest.mark.parametrize("point", [(90, 180), (-90, -180)])
def test_corners(point):
    assert Point(*point).checked() == point


def test_through_nat():
    assert call(start=[0, 0], end=[0, 1]) == {"km": 111.2, "bearing": 90}
    assert call(start=[1, 2], end=[3, 4])["bearing"] == 45.0
    for wrong in ({"start": [0, 200]}, {"end": [0, 200]}, {"end": [1]}):
        with pytest.raises(ValueError):
            call(**{"start": [0, 0], "end": [0, 0], **wrong})
