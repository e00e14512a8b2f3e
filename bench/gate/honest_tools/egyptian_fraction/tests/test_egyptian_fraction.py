import asyncio
from fractions import Fraction

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.egyptian_fraction import EgyptianFractionConfig, expand, unit_fractions


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", EgyptianFractionConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("numerator", "denominator", "parts"),
    [
        (1, 2, ["1/2"]),
        (2, 3, ["1/2", "1/6"]),
        (4, 13, ["1/4", "1/18", "1/468"]),
        (6, 8, ["1/2", "1/4"]),
        (7, 15, ["1/3", "1/8", "1/120"]),
    ],
)
def test_parts(numerator, denominator, parts):
    assert expand(numerator, denominator) == parts


def test_parts_add_up():
    for numerator in range(1, 12):
        value = Fraction(numerator, 12)
        parts = list(unit_fractions(value))
        assert sum(parts) == value
        assert len(set(parts)) == len(parts)


@pytest.mark.parametrize(("numerator", "denominator"), [(2, 2), (3, 2)])
def test_one_or_more(numerator, denominator):
    with pytest.raises(ValueError, match="less than one"):
        expand(numerator, denominator)


def test_through_nat():
    assert call(numerator=3, denominator=4) == ["1/2", "1/4"]
    for wrong in ({"numerator": 0, "denominator": 2}, {"numerator": 1, "denominator": 1}):
        with pytest.raises(ValueError, match="greater than or equal"):
            call(**wrong)
