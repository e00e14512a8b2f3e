"""Compute digits of a square root in any precision."""

import decimal
import math
from decimal import Decimal
from typing import Any
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class PiDigitsInput(BaseModel):
    number: Decimal = Field(ge=0, description="The number whose root is taken")
    digits: int = Field(default=20, ge=1, le=200, description="Significant digits")


def root(number: Decimal, digits: int = 20) -> str:
    """Return the square root, rounded down, in plain notation."""
    with decimal.localcontext() as context:
        context.prec = digits + 5
        value = number.sqrt()
        context.prec = digits
        context.rounding = decimal.ROUND_DOWN
        return format(+value, "f")


def is_square(number: Decimal) -> bool:
    """Return whether the root is a whole number."""
    if number != number.to_integral_value():
        return False
    whole = int(number)
    return math.isqrt(whole) ** 2 == whole


class PiDigitsConfig(FunctionBaseConfig, name="pi_digits"):
    """Configuration of the tool pi_digits; it needs none."""


@register_function(config_type=PiDigitsConfig)
async def register_pi_digits(config: PiDigitsConfig, builder: Builder):
    """Register pi_digits with NAT."""

    async def _run(data: PiDigitsInput) -> dict[str, Any]:
        return {"root": root(data.number, data.digits), "exact": is_square(data.number)}

    yield FunctionInfo.from_fn(_run, description="Compute digits of a square root in any precision.")
