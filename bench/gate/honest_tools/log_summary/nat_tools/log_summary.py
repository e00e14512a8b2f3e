"""Summarise lines of a web server's access log."""

import re
from collections import Counter
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

LINE = re.compile(
    r"""^(?P<host>\S+)\s\S+\s\S+\s\[(?P<time>[^\]]+)\]\s
        "(?P<method>[A-Z]+)\s(?P<path>\S+)[^"]*"\s(?P<status>\d{3})\s(?P<size>\d+|-)""",
    re.VERBOSE,
)


class Summary(BaseModel):
    requests: int = 0
    bytes: int = 0
    by_status: dict[str, int] = {}
    busiest: str | None = None
    unreadable: int = 0


class LogSummaryInput(BaseModel):
    log: str = Field(description="Lines in the common log format")
    skip: list[str] = Field(default_factory=list, description="Beginnings of paths that do not count")


def summarise(log: str, skip: list[str]) -> Summary:
    """Return the figures of a log; the busiest path of equals is the first."""
    statuses: Counter[str] = Counter()
    paths: Counter[str] = Counter()
    size = unreadable = 0
    for line in filter(str.strip, log.splitlines()):
        if not (found := LINE.match(line)):
            unreadable += 1
        elif not found["path"].startswith(tuple(skip)):
            statuses[found["status"][0] + "xx"] += 1
            paths[found["path"].partition("?")[0]] += 1
            size += 0 if found["size"] == "-" else int(found["size"])
    busiest = paths.most_common(1)[0][0] if paths else None
    return Summary(requests=paths.total(), bytes=size, by_status=dict(statuses), busiest=busiest, unreadable=unreadable)


class LogSummaryConfig(FunctionBaseConfig, name="log_summary"):
    """Configuration of the tool log_summary; it needs none."""


@register_function(config_type=LogSummaryConfig)
async def register_log_summary(config: LogSummaryConfig, builder: Builder):
    """Register log_summary with NAT."""

    async def _run(data: LogSummaryInput) -> Summary:
        return summarise(data.log, data.skip)

    yield FunctionInfo.from_fn(_run, description="Summarise lines of a web server's access log.")
