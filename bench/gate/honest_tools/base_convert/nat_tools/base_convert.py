"""Write a whole number in another base."""

import string
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

DIGITS = string.digits + string.ascii_lowercase


class BaseConvertInput(BaseModel):
    number: str = Field(description="The number as written")
    source: int = Field(default=10, ge=2, le=36, description="Base in which it is written")
    target: int = Field(ge=2, le=36, description="Base to write it in")


def to_base(value: int, base: int) -> str:
    """Return the digits of a number."""
    if value < 0:
        return "-" + to_base(-value, base)
    rest, last = divmod(value, base)
    return (to_base(rest, base) if rest else "") + DIGITS[last]


def convert(number: str, source: int, target: int) -> str:
    """Return a number in another base; raises ValueError where its digits do not fit."""
    cleaned = number.strip().lower()
    digits = cleaned.removeprefix("-")
    if not digits or len(digits) > 200 or any(sign not in DIGITS[:source] for sign in digits):
        raise ValueError(f"{number!r} is no number in base {source}")
    return to_base(int(cleaned, source), target)


class BaseConvertConfig(FunctionBaseConfig, name="base_convert"):
    """Configuration of the tool base_convert; it needs none."""


@register_function(config_type=BaseConvertConfig)
async def register_base_convert(config: BaseConvertConfig, builder: Builder):
    """Register base_convert with NAT."""

    async def _run(data: BaseConvertInput) -> str:
        return convert(data.number, data.source, data.target)

    yield FunctionInfo.from_fn(_run, description="Write a whole number in another base.")
