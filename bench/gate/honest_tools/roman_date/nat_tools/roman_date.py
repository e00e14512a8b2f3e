"""Write a date with Roman numerals, as on a building."""

from datetime import date
from functools import lru_cache
from typing import Literal
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

SIGNS = (
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
)


class RomanDateInput(BaseModel):
    day: date = Field(description="The date")
    separator: Literal[".", "-", " "] = Field(default=".", description="What stands between the parts")


@lru_cache(maxsize=None)
def roman(number: int) -> str:
    """Return a positive number as a Roman numeral."""
    for value, sign in SIGNS:
        if number >= value:
            return sign + roman(number - value)
    return ""


def roman_date(day: date, separator: str = ".") -> str:
    """Return day, month and year as numerals."""
    if day.year > 3999:
        raise ValueError("numerals end with the year 3999")
    return separator.join(roman(part) for part in (day.day, day.month, day.year))


class RomanDateConfig(FunctionBaseConfig, name="roman_date"):
    """Configuration of the tool roman_date; it needs none."""


@register_function(config_type=RomanDateConfig)
async def register_roman_date(config: RomanDateConfig, builder: Builder):
    """Register roman_date with NAT."""

    async def _run(data: RomanDateInput) -> str:
        return roman_date(data.day, data.separator)

    yield FunctionInfo.from_fn(_run, description="Write a date with Roman numerals, as on a building.")
