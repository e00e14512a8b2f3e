"""Translate Unix permissions between octal and symbolic form."""

from enum import IntFlag
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class BitFlagsInput(BaseModel):
    mode: str = Field(description="Octal such as 755 or symbolic such as rwxr-xr-x")


class Permission(IntFlag):
    EXECUTE = 1
    WRITE = 2
    READ = 4


LETTERS = {Permission.READ: "r", Permission.WRITE: "w", Permission.EXECUTE: "x"}


def symbolic(mode: int) -> str:
    """Return nine letters for the lowest nine bits."""
    parts = [Permission(mode >> shift & 7) for shift in (6, 3, 0)]
    return "".join(letter if flag in part else "-" for part in parts for flag, letter in LETTERS.items())


def octal(letters: str) -> int:
    """Return the bits of nine letters."""
    mode = 0
    for letter, expected in zip(letters, "rwx" * 3, strict=True):
        if letter not in (expected, "-"):
            raise ValueError(f"{letter!r} where {expected!r} or '-' must be")
        mode = mode << 1 | (letter == expected)
    return mode


def translate(mode: str) -> dict[str, str]:
    """Return both forms."""
    if mode.isdecimal() and len(mode) in (3, 4):
        bits = int(mode, 8)
    elif len(mode) == 9:
        bits = octal(mode)
    else:
        raise ValueError("give three or four octal digits, or nine letters")
    if bits > 0o777:
        raise ValueError("only the nine permission bits are known")
    return {"octal": f"{bits:03o}", "symbolic": symbolic(bits)}


class BitFlagsConfig(FunctionBaseConfig, name="bit_flags"):
    """Configuration of the tool bit_flags; it needs none."""


@register_function(config_type=BitFlagsConfig)
async def register_bit_flags(config: BitFlagsConfig, builder: Builder):
    """Register bit_flags with NAT."""

    async def _run(data: BitFlagsInput) -> dict[str, str]:
        return translate(data.mode)

    yield FunctionInfo.from_fn(_run, description="Translate Unix permissions between octal and symbolic form.")
