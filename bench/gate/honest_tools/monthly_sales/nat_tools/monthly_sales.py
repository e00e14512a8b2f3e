"""Add up the sales of a folder of exports."""

import csv
from decimal import Decimal, InvalidOperation
from pathlib import Path

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

COLUMNS = {"product", "units", "price"}


class SalesInput(BaseModel):
    product: str = Field(description="Name of the product")


class MonthlySalesConfig(FunctionBaseConfig, name="monthly_sales"):
    """Configuration of the monthly_sales tool."""

    exports: str = ""


def turnover(file: Path, product: str) -> float:
    """Return the turnover of a product in one file; raises ValueError where it cannot be read."""
    total = Decimal(0)
    with file.open(newline="", encoding="utf-8-sig") as text:
        rows = csv.DictReader(text)
        missing = COLUMNS - set(rows.fieldnames or ())
        if missing:
            raise ValueError(f"{file.name} has no column {', '.join(sorted(missing))}.")
        for row in rows:
            if row["product"] == product:
                try:
                    total += Decimal(row["units"]) * Decimal(row["price"])
                except InvalidOperation:
                    raise ValueError(f"{file.name}, line {rows.line_num}: units and price must be numbers.") from None
    return float(total)


def by_month(folder: Path, product: str) -> dict[str, float]:
    """Return the turnover by month, in their order."""
    return {file.stem: turnover(file, product) for file in sorted(folder.glob("*.csv"))}


@register_function(config_type=MonthlySalesConfig)
async def monthly_sales(config: MonthlySalesConfig, builder: Builder):
    async def _run(data: SalesInput) -> dict[str, float]:
        return by_month(Path(config.exports), data.product)

    yield FunctionInfo.from_fn(
        _run, description="Return the turnover of a product in each month, of all months of which there is an export."
    )
