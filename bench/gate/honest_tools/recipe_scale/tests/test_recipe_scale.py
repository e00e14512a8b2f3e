import asyncio
from fractions import Fraction

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.recipe_scale import RecipeScaleConfig, mixed, scaled


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", RecipeScaleConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("line", "factor", "expected"),
    [
        ("2 eggs", Fraction(3, 2), "3 eggs"),
        ("1 1/2 cups", Fraction(2), "3 cups"),
        ("1/4 tsp", Fraction(1, 2), "1/8 tsp"),
        ("0.5 l", Fraction(3), "1 1/2 l"),
        ("2.25 kg", Fraction(1), "2 1/4 kg"),
        ("salt", Fraction(9), "salt"),
        ("  3 1/3 cups", Fraction(3, 10), "1 cups"),
        ("12g", Fraction(1, 12), "1g"),
        ("0 x", Fraction(5), "0 x"),
        ("1/0 cup", Fraction(2), "2/0 cup"),
    ],
)
def test_scaled(line, factor, expected):
    assert scaled(line, factor) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("5", "5"),
        ("1/2", "1/2"),
        ("7/2", "3 1/2"),
        ("1/100", "0"),
        ("33/100", "1/3"),
        ("1/16", "1/16"),
        ("1/17", "1/16"),
    ],
)
def test_mixed(value, text):
    assert mixed(Fraction(value)) == text


def test_through_nat():
    assert call(ingredients=["1 egg", "2 1/2 cups milk"], portions=2, wanted=3) == ["1 1/2 egg", "3 3/4 cups milk"]
    assert call(ingredients=["1 egg"], portions=1, wanted=1) == ["1 egg"]
    for wrong in ({"portions": 0}, {"wanted": 0}):
        with pytest.raises(ValueError):
            call(**{"ingredients": [], "portions": 1, "wanted": 1, **wrong})
