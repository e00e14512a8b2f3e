import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.polynomial_roots import PolynomialRootsConfig, bisect, checked, derivative, value


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", PolynomialRootsConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(("coefficients", "x", "expected"), [([1, 2, 3], 2, 11), ([4], 9, 4), ([1, 0, 0], -3, 9)])
def test_value(coefficients, x, expected):
    assert value(coefficients, x) == expected


def test_derivative():
    assert derivative([1, 2, 3, 4]) == [3, 4, 3]
    assert derivative([5]) == []


@pytest.mark.parametrize(
    ("coefficients", "expected"),
    [
        ([2, -1], [0.5]),
        ([1, -3, 2], [1, 2]),
        ([1, 0, 1], []),
        ([1, 0, -2], [-1.414214, 1.414214]),
        ([1, -2, 1], [1]),
        ([1, 0, 0, 0], [0]),
        ([1, -6, 11, -6], [1, 2, 3]),
        ([-1, 0, 4], [-2, 2]),
        ([1, 0, -5, 0, 4], [-2, -1, 1, 2]),
        ([1, -1000], [1000]),
    ],
)
def test_roots(coefficients, expected):
    assert checked(coefficients) == expected


def test_bisect():
    assert bisect([1, 0, -2], 0, 2) == pytest.approx(2**0.5, abs=1e-12)
    assert bisect([-1, 0, 2], 0, 2) == pytest.approx(2**0.5, abs=1e-12)


def test_first_coefficient():
    with pytest.raises(ValueError, match="must not be 0"):
        checked([0, 1])


def test_through_nat():
    assert call(coefficients=[1, 0, 0, 0, 0, 0, 0, 1]) == [-1]
    for wrong in ([1], [1] * 9):
        with pytest.raises(ValueError):
            call(coefficients=wrong)
