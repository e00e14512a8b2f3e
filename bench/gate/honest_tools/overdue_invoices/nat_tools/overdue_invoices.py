"""List overdue invoices."""

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class OverdueInput(BaseModel):
    grace_days: int = Field(description="Days after the due date that are still in time", ge=0)


class OverdueInvoicesConfig(FunctionBaseConfig, name="overdue_invoices"):
    """Configuration of the overdue_invoices tool."""

    invoices: str = ""


def unpaid(file: Path) -> list[tuple[date, str]]:
    """Return due date and number of what is not paid; raises ValueError for what is no date."""
    with file.open(newline="", encoding="utf-8") as text:
        found = []
        for row in csv.DictReader(text):
            if row["paid"] == "no":
                try:
                    found.append((date.fromisoformat(row["due"]), row["number"]))
                except ValueError:
                    raise ValueError(f"Invoice {row['number']}: {row['due']!r} is no date like 2027-03-01.") from None
        return found


def overdue(invoices: list[tuple[date, str]], today: date, grace_days: int) -> list[str]:
    """Return the numbers of those that are overdue, the oldest first."""
    last = today - timedelta(days=grace_days)
    return [number for due, number in sorted(invoices) if due < last]


@register_function(config_type=OverdueInvoicesConfig)
async def overdue_invoices(config: OverdueInvoicesConfig, builder: Builder):
    async def _run(data: OverdueInput) -> list[str]:
        return overdue(unpaid(Path(config.invoices)), datetime.now(UTC).date(), data.grace_days)

    yield FunctionInfo.from_fn(
        _run, description="Return the numbers of the invoices that are not paid and overdue today, the oldest first."
    )
