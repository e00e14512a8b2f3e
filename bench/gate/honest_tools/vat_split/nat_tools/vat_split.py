"""Split gross prices into net and tax for several rates."""

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Literal
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class Line(BaseModel):
    gross: Annotated[Decimal, Field(ge=0, decimal_places=2)]
    rate: Literal["standard", "reduced", "zero"] = "standard"


class VatSplitInput(BaseModel):
    lines: list[Line] = Field(description="Prices with their rates")
    country: Literal["DE", "FR"] = Field(description="Whose rates count")


RATES = {
    "DE": {"standard": Decimal("0.19"), "reduced": Decimal("0.07"), "zero": Decimal(0)},
    "FR": {"standard": Decimal("0.20"), "reduced": Decimal("0.055"), "zero": Decimal(0)},
}


def split(lines: list[Line], country: str) -> dict[str, dict[str, str]]:
    """Return net, tax and gross of each rate that occurs; tax is rounded once a rate."""
    gross: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        gross[line.rate] += line.gross
    found = {}
    for rate, amount in sorted(gross.items()):
        net = (amount / (1 + RATES[country][rate])).quantize(Decimal("0.01"), ROUND_HALF_UP)
        found[rate] = {"net": str(net), "tax": str(amount - net), "gross": str(amount)}
    return found


class VatSplitConfig(FunctionBaseConfig, name="vat_split"):
    """Configuration of the tool vat_split; it needs none."""


@register_function(config_type=VatSplitConfig)
async def register_vat_split(config: VatSplitConfig, builder: Builder):
    """Register vat_split with NAT."""

    async def _run(data: VatSplitInput) -> dict[str, dict[str, str]]:
        return split(data.lines, data.country)

    yield FunctionInfo.from_fn(_run, description="Split gross prices into net and tax for several rates.")
