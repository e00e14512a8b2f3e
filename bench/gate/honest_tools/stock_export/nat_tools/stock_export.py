"""Write the stock of a warehouse into a file."""

import csv
from pathlib import Path

import httpx
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

URL = "https://stock.example/levels"


class StockInput(BaseModel):
    warehouse: str = Field(description="Letter of the warehouse", pattern="^[A-Z]$")


class StockExportConfig(FunctionBaseConfig, name="stock_export"):
    """Configuration of the stock_export tool."""

    out: str = ""


async def levels(warehouse: str) -> dict[str, int]:
    """Return the units of each item; raises ValueError for no warehouse, RuntimeError for a failing service."""
    async with httpx.AsyncClient(timeout=20) as client:
        answer = await client.get(URL, params={"warehouse": warehouse})
    if answer.status_code == 404:
        raise ValueError(f"There is no warehouse {warehouse}.")
    if answer.is_error:
        raise RuntimeError(f"The stock cannot be fetched: status {answer.status_code}. Nothing was written.")
    return answer.json()


def write(file: Path, stock: dict[str, int]) -> None:
    """Write items and units as CSV."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as text:
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["item", "units"])
        rows.writerows(sorted(stock.items()))


@register_function(config_type=StockExportConfig)
async def stock_export(config: StockExportConfig, builder: Builder):
    async def _run(data: StockInput) -> int:
        stock = await levels(data.warehouse)
        write(Path(config.out) / f"{data.warehouse}.csv", stock)
        return len(stock)

    yield FunctionInfo.from_fn(
        _run,
        description="Fetch the stock of a warehouse and write it as CSV, by item; return how many items there are.",
    )
