"""Describe a list of numbers: mean, median, spread and outliers."""

import statistics
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class DescribeNumbersInput(BaseModel):
    values: list[float] = Field(min_length=1, description="The numbers")
    digits: int = Field(default=2, ge=0, le=10, description="Digits after the point")


class Description(BaseModel):
    count: int
    mean: float
    median: float
    stdev: float | None = None
    outliers: list[float] = Field(default_factory=list)


def quartiles(values: list[float]) -> tuple[float, float]:
    """Return the first and third quartile, by the inclusive method."""
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


def outliers(values: list[float]) -> list[float]:
    """Return what lies more than 1.5 interquartile ranges outside (Tukey)."""
    if len(values) < 4:
        return []
    first, third = quartiles(values)
    reach = 1.5 * (third - first)
    return sorted(value for value in values if not first - reach <= value <= third + reach)


def describe(values: list[float], digits: int = 2) -> Description:
    """Return the figures of some numbers."""
    return Description(
        count=len(values),
        mean=round(statistics.fmean(values), digits),
        median=round(statistics.median(values), digits),
        stdev=round(statistics.stdev(values), digits) if len(values) > 1 else None,
        outliers=outliers(values),
    )


class DescribeNumbersConfig(FunctionBaseConfig, name="describe_numbers"):
    """Configuration of the tool describe_numbers; it needs none."""


@register_function(config_type=DescribeNumbersConfig)
async def register_describe_numbers(config: DescribeNumbersConfig, builder: Builder):
    """Register describe_numbers with NAT."""

    async def _run(data: DescribeNumbersInput) -> Description:
        return describe(data.values, data.digits)

    yield FunctionInfo.from_fn(_run, description="Describe a list of numbers: mean, median, spread and outliers.")
