"""Convert a series of temperatures and find its longest rise."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

Unit = Literal["C", "F", "K"]


class TemperatureSeriesInput(BaseModel):
    values: list[float] = Field(description="Temperatures in the order of time")
    unit: Unit = Field(description="Their unit")
    to: Unit = Field(default="C", description="The unit of the result")


TO_KELVIN: dict[str, Callable[[float], float]] = {
    "C": lambda value: value + 273.15,
    "F": lambda value: (value + 459.67) * 5 / 9,
    "K": lambda value: value,
}
FROM_KELVIN: dict[str, Callable[[float], float]] = {
    "C": lambda kelvin: kelvin - 273.15,
    "F": lambda kelvin: kelvin * 9 / 5 - 459.67,
    "K": lambda kelvin: kelvin,
}


def convert(value: float, unit: Unit, to: Unit) -> float:
    """Return a temperature in another unit, to two digits; raises ValueError below absolute zero."""
    kelvin = TO_KELVIN[unit](value)
    if kelvin < -1e-9:
        raise ValueError(f"{value} {unit} is below absolute zero")
    return round(FROM_KELVIN[to](kelvin), 2)


def longest_rise(values: list[float]) -> int:
    """Return the number of steps of the longest run in which each value is above the one before."""
    best = run = 0
    for earlier, later in pairwise(values):
        run = run + 1 if later > earlier else 0
        best = max(best, run)
    return best


class TemperatureSeriesConfig(FunctionBaseConfig, name="temperature_series"):
    """Configuration of the tool temperature_series; it needs none."""


@register_function(config_type=TemperatureSeriesConfig)
async def register_temperature_series(config: TemperatureSeriesConfig, builder: Builder):
    """Register temperature_series with NAT."""

    async def _run(data: TemperatureSeriesInput) -> dict[str, Any]:
        return {
            "values": [convert(value, data.unit, data.to) for value in data.values],
            "longest_rise": longest_rise(data.values),
        }

    yield FunctionInfo.from_fn(_run, description="Convert a series of temperatures and find its longest rise.")
