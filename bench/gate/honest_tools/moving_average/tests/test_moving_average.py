import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.moving_average import MovingAverageConfig, exponential, simple


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", MovingAverageConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("values", "window", "expected"),
    [([1, 2, 4], 1, [1, 2, 4]), ([1, 2, 4, 8], 2, [1.5, 3, 6]), ([3, 6, 9], 3, [6]), ([1, 2], 3, []), ([], 1, [])],
)
def test_simple(values, window, expected):
    assert list(simple(values, window)) == expected


@pytest.mark.parametrize(
    ("values", "window", "expected"),
    [([10, 20, 30], 3, [10, 15, 22.5]), ([1, 2], 1, [1, 2]), ([8, 4, 0], 7, [8, 7, 5.25]), ([], 2, []), ([5], 9, [5])],
)
def test_exponential(values, window, expected):
    assert list(exponential(values, window)) == pytest.approx(expected)


def test_iterators_will_do():
    assert list(simple(iter([1, 3]), 2)) == [2]


def test_through_nat():
    assert call(values=[1, 1, 2], window=3) == [1.3333]
    assert call(values=[0, 1], window=2, method="exponential") == [0, 0.6667]
    for wrong in ({"window": 0}, {"window": 1, "method": "median"}):
        with pytest.raises(ValueError):
            call(values=[1], **wrong)
