"""Say whether a shop is open."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class AheadInput(BaseModel):
    minutes: int = Field(description="Minutes from now to look ahead", ge=0, le=600)


class Opening(BaseModel):
    open: bool
    closes: str


class ShopOpenConfig(FunctionBaseConfig, name="shop_open"):
    """Configuration of the shop_open tool."""

    hours: str = ""
    zone: str = "Europe/Berlin"


def opening(hours: dict[str, list[str]], at: datetime) -> Opening:
    """Return whether the shop is open at a local time; it is until just before it closes."""
    first, last = hours.get(DAYS[at.weekday()], ["", ""])
    is_open = first <= f"{at:%H:%M}" < last
    return Opening(open=is_open, closes=last if is_open else "")


@register_function(config_type=ShopOpenConfig)
async def shop_open(config: ShopOpenConfig, builder: Builder):
    async def _run(data: AheadInput) -> Opening:
        try:
            zone = ZoneInfo(config.zone)
        except ZoneInfoNotFoundError:
            raise ValueError(f"{config.zone!r} is no time zone; one is Europe/Berlin.") from None
        hours = json.loads(Path(config.hours).read_text(encoding="utf-8"))
        return opening(hours, (datetime.now(UTC) + timedelta(minutes=data.minutes)).astimezone(zone))

    yield FunctionInfo.from_fn(
        _run, description="Say whether the shop is open now, and when it closes; an empty text where it is closed."
    )
