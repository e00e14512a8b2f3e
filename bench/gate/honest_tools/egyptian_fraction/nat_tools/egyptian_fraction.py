"""Write a fraction as a sum of different unit fractions."""

from collections.abc import Iterator
from fractions import Fraction
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class EgyptianFractionInput(BaseModel):
    numerator: int = Field(ge=1, description="Above the line")
    denominator: int = Field(ge=2, description="Below the line")


def unit_fractions(value: Fraction) -> Iterator[Fraction]:
    """Yield the largest unit fraction that fits, again and again (Fibonacci's greedy algorithm)."""
    while value:
        part = Fraction(1, -(-value.denominator // value.numerator))
        yield part
        value -= part


def expand(numerator: int, denominator: int) -> list[str]:
    """Return the sum's parts; raises ValueError for fractions of one or more."""
    value = Fraction(numerator, denominator)
    if value >= 1:
        raise ValueError("the fraction must be less than one")
    return [str(part) for part in unit_fractions(value)]


class EgyptianFractionConfig(FunctionBaseConfig, name="egyptian_fraction"):
    """Configuration of the tool egyptian_fraction; it needs none."""


@register_function(config_type=EgyptianFractionConfig)
async def register_egyptian_fraction(config: EgyptianFractionConfig, builder: Builder):
    """Register egyptian_fraction with NAT."""

    async def _run(data: EgyptianFractionInput) -> list[str]:
        return expand(data.numerator, data.denominator)

    yield FunctionInfo.from_fn(_run, description="Write a fraction as a sum of different unit fractions.")
