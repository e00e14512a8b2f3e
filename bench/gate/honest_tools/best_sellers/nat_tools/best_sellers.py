"""Say what sells best, from the shop's database."""

import sqlite3
from contextlib import closing

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

SOLD = """
SELECT name, COALESCE(SUM(units), 0) AS sold
FROM products LEFT JOIN orders ON product_id = id
WHERE category = ? GROUP BY id ORDER BY sold DESC, name LIMIT ?
"""


class SellersInput(BaseModel):
    category: str = Field(description="Name of the category")
    most: int = Field(description="How many at most", ge=1)


class BestSellersConfig(FunctionBaseConfig, name="best_sellers"):
    """Configuration of the best_sellers tool."""

    shop: str = ""


def sellers(database: str, category: str, most: int) -> list[dict]:
    """Return what sells best; raises ValueError for an unknown category, RuntimeError for another database."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as shop:
            rows = shop.execute(SOLD, (category, most)).fetchall()
    except sqlite3.Error as error:
        raise RuntimeError(f"The database of the shop cannot be asked: {error}.") from error
    if not rows:
        raise ValueError(f"There is no category {category!r}.")
    return [{"product": name, "units": units} for name, units in rows]


@register_function(config_type=BestSellersConfig)
async def best_sellers(config: BestSellersConfig, builder: Builder):
    async def _run(data: SellersInput) -> list[dict]:
        return sellers(config.shop, data.category, data.most)

    yield FunctionInfo.from_fn(
        _run,
        description="Return the products of a category with the units sold, the most sold first; "
        "of the same number in the order of the alphabet.",
    )
