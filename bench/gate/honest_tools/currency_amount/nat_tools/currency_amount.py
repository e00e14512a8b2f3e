"""Convert money at the rates of an API."""

from decimal import ROUND_HALF_UP, Decimal

import httpx
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

URL = "https://api.rates.example/v2/latest"


class CurrencyInput(BaseModel):
    amount: float = Field(description="Amount to convert", ge=0)
    source: str = Field(description="Currency code of the amount, such as EUR", pattern="^[A-Z]{3}$")
    target: str = Field(description="Currency code of the result", pattern="^[A-Z]{3}$")


class CurrencyAmountConfig(FunctionBaseConfig, name="currency_amount"):
    """Configuration of the currency_amount tool."""


async def rates_of(base: str) -> dict[str, float]:
    """Return today's rates from one currency; raises ValueError for an unknown one, RuntimeError for a failing API."""
    async with httpx.AsyncClient(timeout=10) as client:
        try:
            answer = await client.get(URL, params={"base": base})
        except httpx.TransportError as error:
            raise RuntimeError(f"The rates cannot be fetched: {error}") from error
    if answer.status_code == 404:
        raise ValueError(f"There are no rates for {base!r}; use a code such as EUR.")
    if answer.is_error:
        raise RuntimeError(f"The rates API answers with status {answer.status_code}; try again later.")
    try:
        return answer.json()["rates"]
    except (ValueError, KeyError) as error:
        raise RuntimeError("The rates API answers with something that is no list of rates.") from error


def convert(amount: float, rate: float) -> float:
    """Return an amount at a rate, rounded half up to cents."""
    exact = Decimal(str(amount)) * Decimal(str(rate))
    return float(exact.quantize(Decimal("0.01"), ROUND_HALF_UP))


@register_function(config_type=CurrencyAmountConfig)
async def currency_amount(config: CurrencyAmountConfig, builder: Builder):
    async def _run(data: CurrencyInput) -> float:
        rates = await rates_of(data.source)
        if data.target not in rates:
            raise ValueError(f"There is no rate from {data.source} to {data.target}; there are {', '.join(rates)}.")
        return convert(data.amount, rates[data.target])

    yield FunctionInfo.from_fn(_run, description="Convert an amount of money at today's rate, rounded to cents.")
