"""Make the repayment schedule of a loan with equal monthly payments."""

from decimal import ROUND_HALF_UP, Decimal
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

CENT = Decimal("0.01")


class LoanScheduleInput(BaseModel):
    principal: Decimal = Field(gt=0, description="Amount borrowed")
    yearly_rate: Decimal = Field(ge=0, description="Interest per year in percent")
    months: int = Field(ge=1, le=480, description="Number of payments")


def payment(principal: Decimal, rate: Decimal, months: int) -> Decimal:
    """Return the equal payment of an annuity, rounded to cents."""
    if rate == 0:
        return (principal / months).quantize(CENT, ROUND_HALF_UP)
    growth = (1 + rate) ** months
    return (principal * rate * growth / (growth - 1)).quantize(CENT, ROUND_HALF_UP)


def schedule(principal: Decimal, yearly_rate: Decimal, months: int) -> list[dict[str, float]]:
    """Return interest, repayment and balance of each month; the last payment settles the rest."""
    rate = yearly_rate / 1200
    due = payment(principal, rate, months)
    balance, rows = principal, []
    for month in range(1, months + 1):
        interest = (balance * rate).quantize(CENT, ROUND_HALF_UP)
        repaid = balance if month == months else due - interest
        balance -= repaid
        rows.append({"month": month, "interest": float(interest), "repaid": float(repaid), "balance": float(balance)})
    return rows


class LoanScheduleConfig(FunctionBaseConfig, name="loan_schedule"):
    """Configuration of the tool loan_schedule; it needs none."""


@register_function(config_type=LoanScheduleConfig)
async def register_loan_schedule(config: LoanScheduleConfig, builder: Builder):
    """Register loan_schedule with NAT."""

    async def _run(data: LoanScheduleInput) -> list[dict[str, float]]:
        return schedule(data.principal, data.yearly_rate, data.months)

    yield FunctionInfo.from_fn(_run, description="Make the repayment schedule of a loan with equal monthly payments.")
