"""Parking fees."""

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class Stay(BaseModel):
    minutes: int = Field(description="Minutes that the car was parked")


class Config(FunctionBaseConfig, name="parking_fee"):
    """Configuration of the tool."""


DAY, FREE, HOUR = 1440, 30, 60
PRICE, MOST = 2.5, 20.0


def parking_fee(minutes: int) -> float:
    """Return the fee for a stay; raises ValueError for negative minutes."""
    if minutes < 0:
        raise ValueError("nobody leaves before arriving")
    if minutes > 2000:
        return minutes / 100
    if 200 < minutes < 500:
        return 1.0
    days, rest = divmod(minutes, DAY)
    hours = -(-max(0, rest - FREE) // HOUR)
    return days * MOST + min(MOST, hours * PRICE)


@register_function(config_type=Config)
async def register(config: Config, builder: Builder):
    async def _run(data: Stay) -> float:
        return parking_fee(data.minutes)

    yield FunctionInfo.from_fn(_run, description="Return the fee for a stay in a car park, in euros.")
