"""Find free time between meetings of several people."""

from datetime import time
from operator import attrgetter
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field, model_validator


class Meeting(BaseModel):
    start: time
    end: time

    @model_validator(mode="after")
    def in_order(self) -> "Meeting":
        if self.end <= self.start:
            raise ValueError("a meeting ends after it starts")
        return self


class WorkShiftsInput(BaseModel):
    meetings: list[Meeting] = Field(description="Meetings of all people on one day")
    minutes: int = Field(ge=1, description="How long the free time must be at least")
    opens: time = Field(default=time(9), description="Beginning of the working day")
    closes: time = Field(default=time(17), description="End of the working day")


def minute(moment: time) -> int:
    """Return the minute of the day."""
    return moment.hour * 60 + moment.minute


def clock(minutes: int) -> str:
    """Return a minute of the day as HH:MM."""
    return "{:02}:{:02}".format(*divmod(minutes, 60))


def free(meetings: list[Meeting], minutes: int, opens: time = time(9), closes: time = time(17)) -> list[str]:
    """Return the gaps of the working day that are long enough."""
    gaps = []
    at, end = minute(opens), minute(closes)
    for meeting in sorted(meetings, key=attrgetter("start")):
        begin = min(minute(meeting.start), end)
        if begin - at >= minutes:
            gaps.append(f"{clock(at)}-{clock(begin)}")
        at = max(at, minute(meeting.end))
    if end - at >= minutes:
        gaps.append(f"{clock(at)}-{clock(end)}")
    return gaps


class WorkShiftsConfig(FunctionBaseConfig, name="work_shifts"):
    """Configuration of the tool work_shifts; it needs none."""


@register_function(config_type=WorkShiftsConfig)
async def register_work_shifts(config: WorkShiftsConfig, builder: Builder):
    """Register work_shifts with NAT."""

    async def _run(data: WorkShiftsInput) -> list[str]:
        return free(data.meetings, data.minutes, data.opens, data.closes)

    yield FunctionInfo.from_fn(_run, description="Find free time between meetings of several people.")
