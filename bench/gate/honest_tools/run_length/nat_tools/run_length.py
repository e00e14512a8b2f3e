"""Pack a text by run lengths, and unpack it again."""

from collections.abc import Iterator
from itertools import groupby
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class RunLengthInput(BaseModel):
    text: str = Field(description="The text, without digits when it is packed")
    unpack: bool = Field(default=False, description="The other way round")


def pack(text: str) -> str:
    """Return each run as its length and its character; a single character stands alone."""
    if any(sign.isdigit() for sign in text):
        raise ValueError("digits cannot be packed")
    runs = ((sign, sum(1 for _ in run)) for sign, run in groupby(text))
    return "".join(f"{count}{sign}" if count > 1 else sign for sign, count in runs)


def unpacked(text: str) -> Iterator[str]:
    """Yield the runs of a packed text; raises ValueError where a count has no character or is too large."""
    count = ""
    for sign in text:
        if sign.isascii() and sign.isdigit():
            count += sign
            continue
        if count and not 0 < int(count) <= 10_000:
            raise ValueError(f"{count} is no length of a run")
        yield sign * int(count or 1)
        count = ""
    if count:
        raise ValueError(f"nothing follows {count}")


class RunLengthConfig(FunctionBaseConfig, name="run_length"):
    """Configuration of the tool run_length; it needs none."""


@register_function(config_type=RunLengthConfig)
async def register_run_length(config: RunLengthConfig, builder: Builder):
    """Register run_length with NAT."""

    async def _run(data: RunLengthInput) -> str:
        return "".join(unpacked(data.text)) if data.unpack else pack(data.text)

    yield FunctionInfo.from_fn(_run, description="Pack a text by run lengths, and unpack it again.")
