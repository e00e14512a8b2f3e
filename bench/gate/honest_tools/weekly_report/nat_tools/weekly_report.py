"""Write a report on the visits of a week."""

import csv
from pathlib import Path

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class WeekInput(BaseModel):
    week: str = Field(description="Week, such as 2027-W05", pattern="^[0-9]{4}-W[0-9]{2}$")


class WeeklyReportConfig(FunctionBaseConfig, name="weekly_report"):
    """Configuration of the weekly_report tool."""

    visits: str = ""
    reports: str = ""
    title: str = "Visits"


def visits_of(file: Path, week: str) -> dict[str, int]:
    """Return the visits of each page, the most visited first; raises ValueError where there are none."""
    with file.open(newline="", encoding="utf-8") as text:
        rows = csv.DictReader(text)
        if not {"week", "page", "visits"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{file.name} must have the columns week, page and visits.")
        found = {row["page"]: int(row["visits"]) for row in rows if row["week"] == week}
    if not found:
        raise ValueError(f"There are no visits in the week {week}.")
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def report(title: str, week: str, visits: dict[str, int]) -> str:
    """Return the text of a report."""
    lines = "\n".join(f"- {page}: {number}" for page, number in visits.items())
    return f"# {title} {week}\n\n{lines}\n\nTotal: {sum(visits.values())}\n"


@register_function(config_type=WeeklyReportConfig)
async def weekly_report(config: WeeklyReportConfig, builder: Builder):
    async def _run(data: WeekInput) -> str:
        text = report(config.title, data.week, visits_of(Path(config.visits), data.week))
        file = Path(config.reports) / f"{data.week}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file.name

    yield FunctionInfo.from_fn(
        _run,
        description="Write a report on the visits of a week into the folder of reports and return its name; "
        "one that is there is replaced.",
    )
