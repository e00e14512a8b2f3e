"""Tell what time it is at several places when it is a given time at one."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class TimeZonesInput(BaseModel):
    moment: datetime = Field(description="Local time, without offset")
    zone: str = Field(description="Where that is, such as Europe/Berlin")
    others: list[str] = Field(description="Other zones")


def zone(name: str) -> ZoneInfo:
    """Return a zone; raises ValueError for unknown names."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown zone {name!r}") from error


def elsewhere(moment: datetime, home: str, others: list[str]) -> dict[str, str]:
    """Return the time in each zone; raises ValueError for a time that clocks skipped."""
    local = moment.replace(tzinfo=zone(home))
    if local.astimezone(UTC).astimezone(local.tzinfo).replace(fold=0) != local.replace(fold=0):
        raise ValueError(f"clocks in {home} skipped {moment:%H:%M}")
    return {other: local.astimezone(zone(other)).isoformat(timespec="minutes") for other in others}


class TimeZonesConfig(FunctionBaseConfig, name="time_zones"):
    """Configuration of the tool time_zones; it needs none."""


@register_function(config_type=TimeZonesConfig)
async def register_time_zones(config: TimeZonesConfig, builder: Builder):
    """Register time_zones with NAT."""

    async def _run(data: TimeZonesInput) -> dict[str, str]:
        return elsewhere(data.moment, data.zone, data.others)

    yield FunctionInfo.from_fn(
        _run, description="Tell what time it is at several places when it is a given time at one."
    )
