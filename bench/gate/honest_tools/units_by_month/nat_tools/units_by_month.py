"""Say how much of a product was sold, from the warehouse's database."""

import duckdb
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

SOLD = """
SELECT strftime(day, '%Y-%m') AS month, CAST(SUM(units) AS INTEGER)
FROM sales WHERE product = ? GROUP BY month ORDER BY month
"""


class ProductInput(BaseModel):
    product: str = Field(description="Name of the product")


class UnitsByMonthConfig(FunctionBaseConfig, name="units_by_month"):
    """Configuration of the units_by_month tool."""

    warehouse: str = ""


def units(database: str, product: str) -> dict[str, int]:
    """Return the units by month; raises ValueError for what was never sold, RuntimeError for another database."""
    try:
        with duckdb.connect(database, read_only=True) as warehouse:
            rows = warehouse.execute(SOLD, [product]).fetchall()
    except duckdb.Error as error:
        raise RuntimeError(f"The warehouse's database cannot be asked: {error}") from error
    if not rows:
        raise ValueError(f"{product!r} was never sold.")
    return dict(rows)


@register_function(config_type=UnitsByMonthConfig)
async def units_by_month(config: UnitsByMonthConfig, builder: Builder):
    async def _run(data: ProductInput) -> dict[str, int]:
        return units(config.warehouse, data.product)

    yield FunctionInfo.from_fn(
        _run, description="Return the units of a product sold in each month, of the months in which it was sold."
    )
