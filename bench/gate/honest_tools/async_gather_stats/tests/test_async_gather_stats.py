import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.async_gather_stats import AsyncGatherStatsConfig, estimate, estimates


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", AsyncGatherStatsConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("seed", "points", "expected"), [(1, 10, 3.6), (1, 1000, 3.112), (2, 1000, 3.128), (42, 5000, 3.1384)]
)
def test_estimates(seed, points, expected):
    assert estimate(seed, points) == pytest.approx(expected)


def test_they_come_in_the_order_of_the_seeds():
    found = asyncio.run(estimates([5, 1, 5, 3], 100))
    assert found["estimates"] == [estimate(seed, 100) for seed in (5, 1, 5, 3)]
    assert found["mean"] == pytest.approx(sum(found["estimates"]) / 4)


def test_the_mean_has_four_digits():
    assert asyncio.run(estimates([1, 2, 3], 70))["mean"] == round(sum(estimate(seed, 70) for seed in (1, 2, 3)) / 3, 4)


def test_a_thousand_points_unless_asked_for_others():
    assert asyncio.run(estimates([2]))["estimates"] == [estimate(2, 1000)]


@pytest.mark.parametrize("wrong", [{"seeds": []}, {"seeds": [1] * 9}, {"points": 9}, {"points": 5001}])
def test_bounds(wrong):
    with pytest.raises(ValueError):
        call(**{"seeds": [1], **wrong})


def test_through_nat():
    assert call(seeds=[2])["mean"] == 3.128
    assert len(call(seeds=list(range(8)), points=10)["estimates"]) == 8
    assert call(seeds=[1], points=5000)["estimates"] == [estimate(1, 5000)]
