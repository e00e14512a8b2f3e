"""Find the real roots of a polynomial with whole coefficients."""

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class PolynomialRootsInput(BaseModel):
    coefficients: list[int] = Field(min_length=2, max_length=8, description="From the highest power down")


def value(coefficients: Sequence[float], x: float) -> float:
    """Return the polynomial at a point (Horner's scheme)."""
    return reduce(lambda total, coefficient: total * x + coefficient, coefficients, 0.0)


def derivative(coefficients: Sequence[float]) -> list[float]:
    """Return the coefficients of the derivative."""
    highest = len(coefficients) - 1
    return [coefficient * (highest - place) for place, coefficient in enumerate(coefficients[:-1])]


def bisect(coefficients: Sequence[float], low: float, high: float) -> float:
    """Return the root between two points with different signs."""
    sign = value(coefficients, low) < 0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if (value(coefficients, middle) < 0) is sign else (low, middle)
    return (low + high) / 2


def roots(coefficients: Sequence[float]) -> list[float]:
    """Return the roots in order: between two roots of the derivative there is at most one."""
    if len(coefficients) < 2:
        return []
    bound = 1 + max(abs(each / coefficients[0]) for each in coefficients[1:])
    turns = roots(derivative(coefficients))
    found = [turn for turn in turns if abs(value(coefficients, turn)) < 1e-9]
    for low, high in pairwise([-bound, *turns, bound]):
        if value(coefficients, low) * value(coefficients, high) < 0:
            found.append(bisect(coefficients, low, high))
    return sorted({round(each, 6) + 0.0 for each in found})


def checked(coefficients: list[int]) -> list[float]:
    """Return the roots; raises ValueError where the first coefficient is 0."""
    if coefficients[0] == 0:
        raise ValueError("the first coefficient must not be 0")
    return roots(coefficients)


class PolynomialRootsConfig(FunctionBaseConfig, name="polynomial_roots"):
    """Configuration of the tool polynomial_roots; it needs none."""


@register_function(config_type=PolynomialRootsConfig)
async def register_polynomial_roots(config: PolynomialRootsConfig, builder: Builder):
    """Register polynomial_roots with NAT."""

    async def _run(data: PolynomialRootsInput) -> list[float]:
        return checked(data.coefficients)

    yield FunctionInfo.from_fn(_run, description="Find the real roots of a polynomial with whole coefficients.")
