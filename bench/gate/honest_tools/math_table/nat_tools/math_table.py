"""Tabulate a function of one variable by its name."""

import math
from typing import Literal
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class MathTableInput(BaseModel):
    function: Literal["sin", "cos", "sqrt", "log", "exp"] = Field(description="Name of the function")
    start: float = Field(description="First argument")
    step: float = Field(description="Distance of arguments, not 0")
    count: int = Field(default=3, ge=1, le=50, description="Number of rows")


def table(function: str, start: float, step: float, count: int) -> list[list[float]]:
    """Return argument and value of each row, to six digits; raises ValueError outside the domain."""
    if step == 0:
        raise ValueError("the step must not be 0")
    compute = getattr(math, function)
    rows = []
    for number in range(count):
        x = start + number * step
        try:
            rows.append([round(x, 6), round(compute(x), 6)])
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{function}({x:g}) is not defined") from error
    return rows


class MathTableConfig(FunctionBaseConfig, name="math_table"):
    """Configuration of the tool math_table; it needs none."""


@register_function(config_type=MathTableConfig)
async def register_math_table(config: MathTableConfig, builder: Builder):
    """Register math_table with NAT."""

    async def _run(data: MathTableInput) -> list[list[float]]:
        return table(data.function, data.start, data.step, data.count)

    yield FunctionInfo.from_fn(_run, description="Tabulate a function of one variable by its name.")
