import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.describe_numbers import DescribeNumbersConfig, describe, outliers, quartiles


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", DescribeNumbersConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def test_quartiles():
    assert quartiles([1, 2, 3, 4, 5]) == (2, 4)
    assert quartiles([0, 10, 20, 40]) == (7.5, 25)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3, 4, 100], [100]),
        ([1, 2, 100], []),
        ([-9, 2, 2, 3, 3, 30], [-9, 30]),
        ([2, 3, 4, 5, 6, 9], []),
        ([0, 1, 2, 3, 6], []),
        ([0, 1, 2, 3, 6.5], [6.5]),
        ([1, 1, 1, 2], [2]),
        ([0, 2, 3, 4, 7], []),
        ([0, 0, 1, 99], [99]),
    ],
)
def test_outliers(values, expected):
    assert outliers(values) == expected


def test_all_figures():
    found = describe([2, 4, 4, 4, 5, 5, 7, 9], 3)
    assert found.model_dump() == {"count": 8, "mean": 5, "median": 4.5, "stdev": 2.138, "outliers": [9]}


def test_two_digits_unless_asked_for_others():
    assert describe([1, 2, 2]).mean == 1.67
    assert describe([1, 2, 2]).stdev == 0.58
    assert describe([0.333, 0.333]).median == 0.33


def test_one_number_has_no_spread():
    assert describe([5]).stdev is None
    assert describe([5, 5]).stdev == 0


def test_through_nat():
    assert call(values=[1, 2, 2], digits=0).model_dump()["mean"] == 2
    for wrong in ({"values": []}, {"values": [1], "digits": -1}, {"values": [1], "digits": 11}):
        with pytest.raises(ValueError):
            call(**wrong)
