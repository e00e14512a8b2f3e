import asyncio
from decimal import Decimal

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.loan_schedule import LoanScheduleConfig, payment, schedule


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", LoanScheduleConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("principal", "rate", "months", "expected"),
    [
        ("1000", "0.01", 3, "340.02"),
        ("1000", "0", 3, "333.33"),
        ("1000", "0", 16, "62.50"),
        ("200000", "0.0025", 360, "843.21"),
        ("0.05", "0", 2, "0.03"),
    ],
)
def test_payment(principal, rate, months, expected):
    assert payment(Decimal(principal), Decimal(rate), months) == Decimal(expected)


def test_schedule_in_full():
    assert schedule(Decimal(1000), Decimal(12), 3) == [
        {"month": 1, "interest": 10.0, "repaid": 330.02, "balance": 669.98},
        {"month": 2, "interest": 6.7, "repaid": 333.32, "balance": 336.66},
        {"month": 3, "interest": 3.37, "repaid": 336.66, "balance": 0.0},
    ]


def test_all_is_repaid_and_nothing_else():
    rows = schedule(Decimal("9999.99"), Decimal("4.7"), 48)
    assert len(rows) == 48
    assert sum(row["repaid"] for row in rows) == pytest.approx(9999.99)
    assert rows[-1]["balance"] == 0


def test_half_a_cent_of_interest_is_rounded_up():
    assert schedule(Decimal("0.5"), Decimal(12), 1)[0]["interest"] == 0.01


@pytest.mark.parametrize("wrong", [{"principal": 0}, {"yearly_rate": -1}, {"months": 0}, {"months": 481}])
def test_bounds(wrong):
    with pytest.raises(ValueError):
        call(**{"principal": 10, "yearly_rate": 1, "months": 2, **wrong})


def test_through_nat():
    assert call(principal=100, yearly_rate=6, months=1)[0]["interest"] == 0.5
