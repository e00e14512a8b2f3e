"""Smooth a series by a moving average, simple or exponential."""

from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import accumulate
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class Method(str, Enum):
    SIMPLE = "simple"
    EXPONENTIAL = "exponential"


class MovingAverageInput(BaseModel):
    values: list[float] = Field(description="The series")
    window: int = Field(ge=1, description="Number of values that count")
    method: Method = Field(default=Method.SIMPLE, description="How to smooth")


def simple(values: Iterable[float], window: int) -> Iterator[float]:
    """Yield the mean of each full window."""
    recent: deque[float] = deque(maxlen=window)
    for value in values:
        recent.append(value)
        if len(recent) == window:
            yield sum(recent) / window


def exponential(values: Iterable[float], window: int) -> Iterator[float]:
    """Yield the average that gives each new value a weight of 2 / (window + 1)."""
    weight = 2 / (window + 1)
    yield from accumulate(values, lambda average, value: average + weight * (value - average))


SMOOTHERS = {Method.SIMPLE: simple, Method.EXPONENTIAL: exponential}


class MovingAverageConfig(FunctionBaseConfig, name="moving_average"):
    """Configuration of the tool moving_average; it needs none."""


@register_function(config_type=MovingAverageConfig)
async def register_moving_average(config: MovingAverageConfig, builder: Builder):
    """Register moving_average with NAT."""

    async def _run(data: MovingAverageInput) -> list[float]:
        return [round(value, 4) for value in SMOOTHERS[data.method](data.values, data.window)]

    yield FunctionInfo.from_fn(_run, description="Smooth a series by a moving average, simple or exponential.")
