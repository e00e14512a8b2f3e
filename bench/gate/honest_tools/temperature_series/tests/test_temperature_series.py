import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.temperature_series import TemperatureSeriesConfig, convert, longest_rise


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", TemperatureSeriesConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        (0, "C", "K", 273.15),
        (100, "C", "F", 212),
        (32, "F", "C", 0),
        (0, "K", "C", -273.15),
        (-40, "F", "C", -40),
        (5, "K", "K", 5),
        (1, "C", "C", 1),
        (300, "K", "F", 80.33),
        (-459.67, "F", "K", 0),
        (-273.15, "C", "K", 0),
        (33.333, "K", "K", 33.33),
    ],
)
def test_convert(value, unit, to, expected):
    assert convert(value, unit, to) == pytest.approx(expected)


@pytest.mark.parametrize(("value", "unit"), [(-0.001, "K"), (-273.16, "C"), (-459.7, "F")])
def test_below_zero(value, unit):
    with pytest.raises(ValueError, match="below absolute zero"):
        convert(value, unit, "K")


@pytest.mark.parametrize(
    ("values", "steps"),
    [([], 0), ([1], 0), ([1, 2], 1), ([2, 1], 0), ([1, 1, 2, 3, 1, 2], 2), ([1, 2, 3, 3, 4], 2), ([3, 2, 3, 4, 5], 3)],
)
def test_rises(values, steps):
    assert longest_rise(values) == steps


def test_through_nat():
    assert call(values=[32, 212], unit="F") == {"values": [0, 100], "longest_rise": 1}
    assert call(values=[1], unit="K", to="K")["values"] == [1]
