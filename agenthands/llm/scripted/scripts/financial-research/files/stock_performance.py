"""Measure how a stock performed, from its closing prices."""

from math import sqrt
from statistics import stdev

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

TREND_PCT = 5.0


class StockPerformanceInput(BaseModel):
    closes: list[float] = Field(description="Closing prices, oldest first; at least two, all above 0")
    periods_per_year: int = Field(default=252, description="Prices in a year: 252 for daily, 52 for weekly, 12 for monthly")


class StockPerformanceConfig(FunctionBaseConfig, name="stock_performance"):
    """Configuration of the stock_performance tool."""


def measure_performance(closes: list[float], periods_per_year: int = 252) -> dict:
    """Give returns, volatility and drawdown in percent; raises ValueError for prices that cannot be measured."""
    if len(closes) < 2:
        raise ValueError("closes must hold at least two prices")
    if min(closes) <= 0:
        raise ValueError("every price must be above 0")
    if periods_per_year < 1:
        raise ValueError("periods_per_year must be at least 1")
    returns = [later / earlier - 1 for earlier, later in zip(closes, closes[1:])]
    total = round(100 * (closes[-1] / closes[0] - 1), 2)
    volatility = 100 * stdev(returns) * sqrt(periods_per_year) if len(returns) > 1 else 0.0
    peak = drawdown = 0.0
    for close in closes:
        peak = max(peak, close)
        drawdown = min(drawdown, close / peak - 1)
    return {
        "total_return_pct": total,
        "annualised_volatility_pct": round(volatility, 2),
        "max_drawdown_pct": round(100 * drawdown, 2),
        "best_period_pct": round(100 * max(returns), 2),
        "worst_period_pct": round(100 * min(returns), 2),
        "trend": "up" if total > TREND_PCT else "down" if total < -TREND_PCT else "flat",
    }


@register_function(config_type=StockPerformanceConfig)
async def stock_performance(config: StockPerformanceConfig, builder: Builder):
    async def _run(data: StockPerformanceInput) -> dict:
        return measure_performance(data.closes, data.periods_per_year)

    yield FunctionInfo.from_fn(
        _run,
        description=(
            "Measure how a stock performed from its closing prices, oldest first: total return, annualised volatility, "
            "maximum drawdown, best and worst period in percent, and whether the trend is up, down or flat."
        ),
    )
