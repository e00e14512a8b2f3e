"""Sum up the amounts of a CSV text by one of its columns."""

import csv
import io
from collections import Counter
from decimal import Decimal, InvalidOperation
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class CsvTotalsInput(BaseModel):
    text: str = Field(description="CSV with a header line")
    by: str = Field(description="Column to group by")
    amount: str = Field(default="amount", description="Column with the amounts")
    delimiter: str = Field(default=",", min_length=1, max_length=1, description="What stands between the cells")


def totals(text: str, by: str, amount: str = "amount", delimiter: str = ",") -> dict[str, str]:
    """Return the sum of each group, sorted by name; empty cells count nothing."""
    reader = csv.DictReader(io.StringIO(text.strip()), delimiter=delimiter)
    missing = [name for name in (by, amount) if name not in (reader.fieldnames or [])]
    if missing:
        raise ValueError(f"no column {missing[0]!r}")
    sums: Counter[str] = Counter()
    for row in reader:
        cell = (row[amount] or "").strip()
        try:
            sums[row[by].strip()] += Decimal(cell or 0)
        except InvalidOperation:
            raise ValueError(f"line {reader.line_num}: {cell!r} is no number") from None
    return {name: str(total) for name, total in sorted(sums.items())}


class CsvTotalsConfig(FunctionBaseConfig, name="csv_totals"):
    """Configuration of the tool csv_totals; it needs none."""


@register_function(config_type=CsvTotalsConfig)
async def register_csv_totals(config: CsvTotalsConfig, builder: Builder):
    """Register csv_totals with NAT."""

    async def _run(data: CsvTotalsInput) -> dict[str, str]:
        return totals(data.text, data.by, data.amount, data.delimiter)

    yield FunctionInfo.from_fn(_run, description="Sum up the amounts of a CSV text by one of its columns.")
