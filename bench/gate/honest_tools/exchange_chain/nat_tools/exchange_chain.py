"""Convert money through a table of rates, directly or by one other currency."""

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, ConfigDict, Field


class Rate(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str = Field(pattern="^[A-Z]{3}$")
    quote: str = Field(pattern="^[A-Z]{3}$")
    rate: float = Field(gt=0)


class ExchangeChainInput(BaseModel):
    amount: float = Field(ge=0, description="How much")
    source: str = Field(description="Currency of the amount")
    target: str = Field(description="Currency wanted")
    rates: list[Rate] = Field(description="Known rates; each holds both ways")


def table(rates: list[Rate]) -> dict[str, dict[str, float]]:
    """Return the rates by source and target, both ways."""
    found: dict[str, dict[str, float]] = {}
    for each in rates:
        found.setdefault(each.base, {})[each.quote] = each.rate
        found.setdefault(each.quote, {})[each.base] = 1 / each.rate
    return found


def convert(amount: float, source: str, target: str, rates: list[Rate]) -> float:
    """Return the amount in the target's currency, two digits; raises LookupError without a way."""
    if source == target:
        return round(amount, 2)
    known = table(rates)
    direct = known.get(source, {})
    if target in direct:
        return round(amount * direct[target], 2)
    for middle in sorted(direct):
        if target in known[middle]:
            return round(amount * direct[middle] * known[middle][target], 2)
    raise LookupError(f"no rate from {source} to {target}")


class ExchangeChainConfig(FunctionBaseConfig, name="exchange_chain"):
    """Configuration of the tool exchange_chain; it needs none."""


@register_function(config_type=ExchangeChainConfig)
async def register_exchange_chain(config: ExchangeChainConfig, builder: Builder):
    """Register exchange_chain with NAT."""

    async def _run(data: ExchangeChainInput) -> float:
        return convert(data.amount, data.source, data.target, data.rates)

    yield FunctionInfo.from_fn(
        _run, description="Convert money through a table of rates, directly or by one other currency."
    )
