"""Find the next times at which a cron expression is due."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


class CronNextInput(BaseModel):
    expression: str = Field(description="Five fields: minute, hour, day, month, weekday (0 is Sunday)")
    after: datetime = Field(description="Local time in ISO 8601")
    count: int = Field(default=1, ge=1, le=20, description="How many times")


def field(text: str, low: int, high: int) -> set[int]:
    """Return the numbers that one field stands for."""
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\*|(\d+)(?:-(\d+))?)(?:/(\d+))?", part)
        if not match:
            raise ValueError(f"cannot read {part!r}")
        first, last = (low, high) if match[1] == "*" else (int(match[2]), int(match[3] or match[2]))
        step = int(match[4] or 1)
        if not low <= first <= last <= high or step == 0:
            raise ValueError(f"{part!r} is outside {low}-{high}")
        found.update(range(first, last + 1, step))
    return found


def upcoming(expression: str, after: datetime, count: int) -> Iterator[datetime]:
    """Yield the times that are due after a moment, minute by minute within the days that fit; a year at most."""
    texts = expression.split()
    if len(texts) != 5:
        raise ValueError("an expression has five fields")
    minutes, hours, days, months, weekdays = (field(text, *limits) for text, limits in zip(texts, RANGES, strict=True))
    moment = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    end = after + timedelta(days=366)
    while count and moment < end:
        if moment.month not in months or moment.day not in days or moment.isoweekday() % 7 not in weekdays:
            moment = moment.replace(hour=0, minute=0) + timedelta(days=1)
            continue
        if moment.hour in hours and moment.minute in minutes:
            yield moment
            count -= 1
        moment += timedelta(minutes=1)


class CronNextConfig(FunctionBaseConfig, name="cron_next"):
    """Configuration of the tool cron_next; it needs none."""


@register_function(config_type=CronNextConfig)
async def register_cron_next(config: CronNextConfig, builder: Builder):
    """Register cron_next with NAT."""

    async def _run(data: CronNextInput) -> list[str]:
        return [each.isoformat() for each in upcoming(data.expression, data.after, data.count)]

    yield FunctionInfo.from_fn(_run, description="Find the next times at which a cron expression is due.")
