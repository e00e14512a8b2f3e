"""Give the movable Christian feasts of a year."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Literal
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

OFFSETS = {"good_friday": -2, "easter": 0, "ascension": 39, "pentecost": 49}


class EasterDatesInput(BaseModel):
    year: int = Field(ge=1583, le=4099, description="Year of the Gregorian calendar")
    feasts: list[Literal["good_friday", "easter", "ascension", "pentecost"]] = Field(
        default=["easter"], description="Which feasts"
    )


def easter(year: int) -> date:
    """Return Easter Sunday (the anonymous Gregorian algorithm, by Meeus, Jones and Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def feasts(year: int, names: Iterable[str]) -> dict[str, str]:
    """Return the date of each feast in ISO form."""
    sunday = easter(year)
    return {name: str(sunday + timedelta(OFFSETS[name])) for name in names}


class EasterDatesConfig(FunctionBaseConfig, name="easter_dates"):
    """Configuration of the tool easter_dates; it needs none."""


@register_function(config_type=EasterDatesConfig)
async def register_easter_dates(config: EasterDatesConfig, builder: Builder):
    """Register easter_dates with NAT."""

    async def _run(data: EasterDatesInput) -> dict[str, str]:
        return feasts(data.year, data.feasts)

    yield FunctionInfo.from_fn(_run, description="Give the movable Christian feasts of a year.")
