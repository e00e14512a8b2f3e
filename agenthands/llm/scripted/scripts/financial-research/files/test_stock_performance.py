import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder
from nat_tools.stock_performance import StockPerformanceConfig, measure_performance


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", StockPerformanceConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def test_a_rise_with_a_dip():
    # Returns are +10 %, -10 %, +21.2121 %; their standard deviation is 15.81 %.
    assert measure_performance([100, 110, 99, 120], 1) == {
        "total_return_pct": 20.0,
        "annualised_volatility_pct": 15.81,
        "max_drawdown_pct": -10.0,
        "best_period_pct": 21.21,
        "worst_period_pct": -10.0,
        "trend": "up",
    }


def test_volatility_grows_with_the_square_root_of_the_periods():
    assert measure_performance([100, 110, 99], 1)["annualised_volatility_pct"] == 14.14
    assert measure_performance([100, 110, 99], 4)["annualised_volatility_pct"] == 28.28
    assert measure_performance([100, 110, 99])["annualised_volatility_pct"] == 224.5


def test_two_prices_are_enough_and_have_no_volatility():
    result = measure_performance([50.0, 40.0])
    assert result["annualised_volatility_pct"] == 0.0
    assert result["total_return_pct"] == result["max_drawdown_pct"] == -20.0
    assert result["best_period_pct"] == result["worst_period_pct"] == -20.0


def test_the_drawdown_is_measured_from_the_highest_price_before():
    assert measure_performance([100, 80, 160, 120, 200])["max_drawdown_pct"] == -25.0
    assert measure_performance([1, 2, 3])["max_drawdown_pct"] == 0.0


@pytest.mark.parametrize(
    ("last", "trend"), [(105, "flat"), (105.01, "up"), (95, "flat"), (94.99, "down"), (100, "flat")]
)
def test_the_trend_changes_beyond_five_percent(last, trend):
    assert measure_performance([100, last])["trend"] == trend


@pytest.mark.parametrize(
    ("closes", "periods", "message"),
    [
        ([], 252, "closes must hold at least two prices"),
        ([100], 252, "closes must hold at least two prices"),
        ([100, 0], 252, "every price must be above 0"),
        ([100, 110, -1], 252, "every price must be above 0"),
        ([100, 110], 0, "periods_per_year must be at least 1"),
    ],
)
def test_what_cannot_be_measured_is_refused(closes, periods, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        measure_performance(closes, periods)


def test_small_values_are_allowed():
    assert measure_performance([0.5, 0.75], 1)["total_return_pct"] == 50.0


def test_through_nat():
    assert call(closes=[100, 110, 99])["annualised_volatility_pct"] == 224.5
    assert call(closes=[100, 110, 99], periods_per_year=1)["annualised_volatility_pct"] == 14.14
    with pytest.raises(ValueError, match="at least two prices"):
        call(closes=[100])
