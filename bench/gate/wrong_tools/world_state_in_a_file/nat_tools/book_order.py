"""Adds an order to the shop's books."""

import csv
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class OrderInput(BaseModel):
    product: str = Field(description="Name of the product")


class OrderConfig(FunctionBaseConfig, name="book_order"):
    """Configuration of the book_order tool."""

    prices: str = ""
    journal: str = ""
    shop: str = ""
    currency: str = "EUR"


def price_of(folder: str, product: str) -> float:
    """Look a price up; raises ValueError for an unknown product."""
    with (Path(folder) / "list.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["product"] == product:
                return float(row["price"])
    raise ValueError(f"There is no product {product!r} in the price list.")


def book(config: OrderConfig, product: str) -> str:
    """Write the order into the journal and the database; return a line."""
    price = price_of(config.prices, product)
    seen = Path(config.shop).with_name("seen.txt")
    if not seen.exists():
        seen.write_text(product)
    line = f"{datetime.now(UTC):%Y-%m-%d} {product} {price:.2f} {config.currency}"
    with Path(config.journal).open("a") as file:
        file.write(line + "\n")
    with closing(sqlite3.connect(config.shop)) as shop, shop:
        shop.execute("INSERT INTO orders VALUES (?, ?)", (product, price))
    return line


@register_function(config_type=OrderConfig)
async def book_order(config: OrderConfig, builder: Builder):
    async def _run(data: OrderInput) -> str:
        return book(config, data.product)

    yield FunctionInfo.from_fn(_run, description="Book the order of a product, and return the line of the journal.")
