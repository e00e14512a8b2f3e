"""Summarise a column of numbers."""

from statistics import mean, median, stdev

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class ColumnInput(BaseModel):
    values: list[float] = Field(description="The numbers of the column; at least one")


class ColumnSummaryConfig(FunctionBaseConfig, name="column_summary"):
    """Configuration of the column_summary tool."""


def summarise(values: list[float]) -> dict:
    """Give count, mean, median, extremes and sample deviation; raises ValueError for an empty column."""
    if not values:
        raise ValueError("the column is empty")
    return {
        "count": len(values),
        "mean": mean(values),
        "median": median(values),
        "minimum": min(values),
        "maximum": max(values),
        "deviation": stdev(values) if len(values) > 1 else 0.0,
    }


@register_function(config_type=ColumnSummaryConfig)
async def column_summary(config: ColumnSummaryConfig, builder: Builder):
    async def _run(data: ColumnInput) -> dict:
        return summarise(data.values)

    yield FunctionInfo.from_fn(
        _run, description="Summarise a column of numbers: count, mean, median, minimum, maximum, sample deviation."
    )
