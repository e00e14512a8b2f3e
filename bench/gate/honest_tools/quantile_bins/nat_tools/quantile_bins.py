"""Sort numbers into bins of equal width."""

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class Bin(BaseModel):
    low: float
    high: float
    count: int


class QuantileBinsInput(BaseModel):
    values: list[float] = Field(min_length=1, description="The numbers")
    bins: int = Field(default=4, ge=1, le=50, description="How many bins")


def histogram(values: list[float], bins: int = 4) -> list[Bin]:
    """Return the bins from the least to the greatest value; the last holds its upper bound too."""
    least, greatest = min(values), max(values)
    width = (greatest - least) / bins
    counts = [0] * bins
    for value in values:
        place = int((value - least) / width) if width else 0
        counts[min(place, bins - 1)] += 1
    return [
        Bin(low=round(least + place * width, 6), high=round(least + (place + 1) * width, 6), count=count)
        for place, count in enumerate(counts)
    ]


class QuantileBinsConfig(FunctionBaseConfig, name="quantile_bins"):
    """Configuration of the tool quantile_bins; it needs none."""


@register_function(config_type=QuantileBinsConfig)
async def register_quantile_bins(config: QuantileBinsConfig, builder: Builder):
    """Register quantile_bins with NAT."""

    async def _run(data: QuantileBinsInput) -> list[dict[str, float]]:
        return [each.model_dump() for each in histogram(data.values, data.bins)]

    yield FunctionInfo.from_fn(_run, description="Sort numbers into bins of equal width.")
