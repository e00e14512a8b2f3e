import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.math_table import MathTableConfig, table


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", MathTableConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("function", "value"), [("sin", 0.841471), ("cos", 0.540302), ("sqrt", 1), ("log", 0), ("exp", 2.718282)]
)
def test_functions(function, value):
    assert table(function, 1, 1, 1) == [[1, value]]


def test_rows():
    assert table("sqrt", 4, 2.5, 3) == [[4, 2], [6.5, 2.54951], [9, 3]]
    assert table("exp", 0, -1, 2) == [[0, 1], [-1, 0.367879]]
    assert table("sqrt", 1 / 3, 1, 1) == [[0.333333, 0.57735]]


@pytest.mark.parametrize(("function", "start", "step"), [("log", 0, 1), ("sqrt", 1, -2), ("exp", 0, 800)])
def test_outside_the_domain(function, start, step):
    with pytest.raises(ValueError, match="is not defined"):
        table(function, start, step, 2)


def test_step():
    with pytest.raises(ValueError, match="must not be 0"):
        table("sin", 0, 0, 1)


def test_through_nat():
    assert len(call(function="sin", start=0, step=1)) == 3
    assert len(call(function="sin", start=0, step=1, count=50)) == 50
    for wrong in ({"count": 0}, {"count": 51}, {"function": "factorial"}):
        with pytest.raises(ValueError):
            call(**{"function": "sin", "start": 0, "step": 1, **wrong})
