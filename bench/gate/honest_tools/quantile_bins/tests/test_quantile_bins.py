import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.quantile_bins import QuantileBinsConfig, histogram


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", QuantileBinsConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def counts(values, bins):
    return [each.count for each in histogram(values, bins)]


@pytest.mark.parametrize(
    ("values", "bins", "expected"),
    [
        ([0, 1, 2, 3, 4], 4, [1, 1, 1, 2]),
        ([0, 0.9, 1, 2], 2, [2, 2]),
        ([-2, -1, 2], 2, [2, 1]),
        ([5, 5], 3, [2, 0, 0]),
        ([1], 1, [1]),
        ([0, 10, 9.99], 10, [1, 0, 0, 0, 0, 0, 0, 0, 0, 2]),
    ],
)
def test_counts(values, bins, expected):
    assert counts(values, bins) == expected


def test_bounds():
    found = [(each.low, each.high) for each in histogram([1, 2], 3)]
    assert found == [(1, 1.333333), (1.333333, 1.666667), (1.666667, 2)]


def test_four_bins_unless_asked_for_others():
    assert len(histogram([1, 2])) == 4


def test_through_nat():
    assert call(values=[0, 2], bins=1) == [{"low": 0, "high": 2, "count": 2}]
    assert len(call(values=[0, 2])) == 4
    assert len(call(values=[0, 2], bins=50)) == 50
    for wrong in ({"values": []}, {"bins": 0}, {"bins": 51}):
        with pytest.raises(ValueError):
            call(**{"values": [1], **wrong})
