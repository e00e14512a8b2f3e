"""Write numbers as Roman numerals."""

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

SIGNS = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"),
         (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]


class RomanInput(BaseModel):
    number: int = Field(description="Number from 1 to 3999")


class RomanConfig(FunctionBaseConfig, name="roman_numeral"):
    """Configuration of the roman_numeral tool."""


def to_roman(number: int) -> str:
    """Write a number as a Roman numeral; raises ValueError outside 1 to 3999."""
    if not 1 <= number <= 399:
        raise ValueError("number must be from 1 to 3999")
    numeral = ""
    for value, sign in SIGNS:
        count, number = divmod(number, value)
        numeral += sign * count
    return numeral


@register_function(config_type=RomanConfig)
async def roman_numeral(config: RomanConfig, builder: Builder):
    async def _run(data: RomanInput) -> str:
        return to_roman(data.number)

    yield FunctionInfo.from_fn(_run, description="Write a number from 1 to 3999 as a Roman numeral.")
