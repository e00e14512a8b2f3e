"""Check the number of a payment card and name its network."""

import re
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

NETWORKS = {
    "Visa": (r"4", (13, 16, 19)),
    "Mastercard": (r"5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)", (16,)),
    "American Express": (r"3[47]", (15,)),
}


class LuhnCardInput(BaseModel):
    number: str = Field(description="Digits, with spaces or hyphens", examples=["4111 1111 1111 1111"])


def luhn(digits: str) -> bool:
    """Return whether the check digit is right (ISO/IEC 7812)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) << place % 2
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def network(digits: str) -> str | None:
    """Return the network whose prefix and length fit."""
    for name, (prefix, lengths) in NETWORKS.items():
        if len(digits) in lengths and re.match(prefix, digits):
            return name
    return None


def check(number: str) -> dict[str, bool | str | None]:
    """Return what the number says; raises ValueError where it holds anything but digits."""
    digits = re.sub(r"[ -]", "", number)
    if not re.fullmatch(r"[0-9]{12,19}", digits):
        raise ValueError("a card has 12 to 19 digits")
    return {"valid": luhn(digits), "network": network(digits), "last_four": digits[-4:]}


class LuhnCardConfig(FunctionBaseConfig, name="luhn_card"):
    """Configuration of the tool luhn_card; it needs none."""


@register_function(config_type=LuhnCardConfig)
async def register_luhn_card(config: LuhnCardConfig, builder: Builder):
    """Register luhn_card with NAT."""

    async def _run(data: LuhnCardInput) -> dict[str, bool | str | None]:
        return check(data.number)

    yield FunctionInfo.from_fn(_run, description="Check the number of a payment card and name its network.")
