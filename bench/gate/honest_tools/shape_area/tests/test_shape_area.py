import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.shape_area import ShapeAreaConfig, Circle, Rectangle, Triangle, measure, rounded


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", ShapeAreaConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("shape", "area", "perimeter"),
    [
        (Circle(kind="circle", radius=2), 12.5664, 12.5664),
        (Circle(kind="circle", radius=0.5), 0.7854, 3.1416),
        (Rectangle(kind="rectangle", width=2, height=3.5), 7, 11),
        (Triangle(kind="triangle", sides=(3, 4, 5)), 6, 12),
        (Triangle(kind="triangle", sides=(2, 2, 3)), 1.9843, 7),
    ],
)
def test_shapes(shape, area, perimeter):
    assert rounded(shape) == {"area": area, "perimeter": perimeter}


@pytest.mark.parametrize("sides", [(1, 1, 3), (1, 2, 3), (0, 1, 1), (-1, 1, 1)])
def test_no_triangle(sides):
    with pytest.raises(ValueError, match="no triangle"):
        measure(Triangle(kind="triangle", sides=sides))


def test_a_thin_triangle():
    assert measure(Triangle(kind="triangle", sides=(0.5, 0.5, 0.9)))[0] == pytest.approx(0.0981, abs=1e-4)


@pytest.mark.parametrize(
    "shape",
    [
        {"kind": "square"},
        {"kind": "circle", "radius": 0},
        {"kind": "rectangle", "width": 1, "height": 0},
        {"kind": "rectangle", "width": 0, "height": 1},
    ],
)
def test_refused(shape):
    with pytest.raises(ValueError):
        call(shape=shape)


def test_through_nat():
    assert call(shape={"kind": "circle", "radius": 1}) == {"area": 3.1416, "perimeter": 6.2832}
