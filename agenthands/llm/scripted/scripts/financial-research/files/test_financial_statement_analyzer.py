import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder
from nat_tools.financial_statement_analyzer import StatementsConfig, StatementsInput, analyze

SOUND = {
    "revenue": 1200.0,
    "previous_revenue": 1000.0,
    "net_income": 180.0,
    "total_assets": 2000.0,
    "total_liabilities": 900.0,
    "current_assets": 600.0,
    "current_liabilities": 400.0,
}


def analyzed(**changes):
    return analyze(StatementsInput(**{**SOUND, **changes}))


def test_a_sound_company():
    assert analyzed() == {
        "revenue_growth_pct": 20.0,
        "net_margin_pct": 15.0,
        "debt_ratio_pct": 45.0,
        "current_ratio": 1.5,
        "findings": [],
    }


def test_a_weak_company():
    assert analyzed(
        revenue=900.0, net_income=-45.0, total_liabilities=1300.0, current_assets=300.0, current_liabilities=400.0
    ) == {
        "revenue_growth_pct": -10.0,
        "net_margin_pct": -5.0,
        "debt_ratio_pct": 65.0,
        "current_ratio": 0.75,
        "findings": [
            "revenue is shrinking",
            "the company makes a loss",
            "liabilities are high",
            "current assets do not cover current liabilities",
        ],
    }


def test_growth_is_measured_against_the_year_before():
    assert analyzed(revenue=1500.0)["revenue_growth_pct"] == 50.0
    assert analyzed(previous_revenue=1600.0)["revenue_growth_pct"] == -25.0


def test_figures_are_rounded_to_two_places():
    result = analyzed(revenue=3000.0, previous_revenue=2111.0, net_income=1000.0, current_assets=1000.0, current_liabilities=300.0)
    assert (result["revenue_growth_pct"], result["net_margin_pct"], result["current_ratio"]) == (42.11, 33.33, 3.33)
    assert analyzed(total_assets=3000.0, total_liabilities=1000.0)["debt_ratio_pct"] == 33.33


@pytest.mark.parametrize(
    ("changes", "findings"),
    [
        ({"revenue": 1000.0}, []),
        ({"revenue": 999.0}, ["revenue is shrinking"]),
        ({"net_income": 0.0}, []),
        ({"net_income": -0.01}, ["the company makes a loss"]),
        ({"total_liabilities": 1200.0}, []),
        ({"total_liabilities": 1201.0}, ["liabilities are high"]),
        ({"current_assets": 400.0}, []),
        ({"current_assets": 399.0}, ["current assets do not cover current liabilities"]),
    ],
)
def test_findings_begin_beyond_their_bounds(changes, findings):
    assert analyzed(**changes)["findings"] == findings


@pytest.mark.parametrize("name", ["revenue", "previous_revenue", "total_assets", "current_liabilities"])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_figures_that_must_be_above_zero(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be above 0$"):
        analyzed(**{name: value})
    analyzed(**{name: 0.5})


@pytest.mark.parametrize("name", ["total_liabilities", "current_assets"])
def test_figures_that_must_not_be_negative(name):
    with pytest.raises(ValueError, match=f"^{name} must not be negative$"):
        analyzed(**{name: -0.01})
    analyzed(**{name: 0.0})


def test_through_nat():
    async def call(**arguments):
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", StatementsConfig())
            return await function.ainvoke(arguments)

    assert asyncio.run(call(**SOUND))["current_ratio"] == 1.5
    with pytest.raises(ValueError, match="revenue must be above 0"):
        asyncio.run(call(**{**SOUND, "revenue": 0}))
