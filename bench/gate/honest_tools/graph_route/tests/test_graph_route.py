import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.graph_route import GraphRouteConfig, Road, shortest


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", GraphRouteConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def roads(*texts):
    parts = [text.split() for text in texts]
    return [Road(start=a, end=b, km=float(km), one_way=bool(more)) for a, b, km, *more in parts]


SQUARE = roads("a b 1", "b c 2", "c d 1", "a d 3.5")


@pytest.mark.parametrize(
    ("target", "km", "places"),
    [("a", 0, ["a"]), ("b", 1, ["a", "b"]), ("c", 3, ["a", "b", "c"]), ("d", 3.5, ["a", "d"])],
)
def test_the_shortest_way(target, km, places):
    assert shortest(SQUARE, "a", target) == {"km": km, "places": places}


def test_one_way_roads():
    assert shortest(roads("a b 1 x", "b c 1", "c a 5"), "b", "a") == {"km": 6, "places": ["b", "c", "a"]}


def test_a_short_last_road_can_be_the_wrong_one():
    assert shortest(roads("a b 9", "b t 1", "a c 2", "c t 3"), "a", "t") == {"km": 5, "places": ["a", "c", "t"]}


def test_lengths_are_rounded_to_metres():
    assert shortest(roads("a b 0.1", "b c 0.2"), "a", "c")["km"] == 0.3
    assert shortest(roads("a b 0.0006"), "a", "b")["km"] == 0.001


def test_no_way():
    with pytest.raises(ValueError, match="no way from a to z"):
        shortest(SQUARE, "a", "z")


def test_through_nat():
    road = {"start": "x", "end": "y", "km": 2}
    assert call(roads=[road], source="y", target="x") == {"km": 2, "places": ["y", "x"]}
    with pytest.raises(ValueError, match="km"):
        call(roads=[{**road, "km": -1}], source="y", target="x")
