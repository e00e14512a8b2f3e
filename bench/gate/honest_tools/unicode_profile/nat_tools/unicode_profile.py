"""Count the characters of a text by kind, as readers see them."""

import unicodedata
from typing import Any, Literal
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class UnicodeProfileInput(BaseModel):
    text: str = Field(description="Any text")
    normal_form: Literal["NFC", "NFKC"] = Field(default="NFC", description="Form in which to count")


KINDS = {"L": "letters", "N": "digits", "P": "punctuation", "S": "symbols", "Z": "spaces", "C": "controls"}


def profile(text: str, normal_form: Literal["NFC", "NFKC"] = "NFC") -> dict[str, int]:
    """Return how many characters of each kind there are; combining marks count with their base."""
    counts = dict.fromkeys(KINDS.values(), 0)
    for sign in unicodedata.normalize(normal_form, text):
        if not unicodedata.combining(sign):
            counts[KINDS[unicodedata.category(sign)[0]]] += 1
    return {kind: count for kind, count in counts.items() if count}


def width(text: str) -> int:
    """Return how many columns a terminal needs; wide characters take two."""
    return sum(
        2 if unicodedata.east_asian_width(sign) in ("W", "F") else 1 for sign in text if not unicodedata.combining(sign)
    )


class UnicodeProfileConfig(FunctionBaseConfig, name="unicode_profile"):
    """Configuration of the tool unicode_profile; it needs none."""


@register_function(config_type=UnicodeProfileConfig)
async def register_unicode_profile(config: UnicodeProfileConfig, builder: Builder):
    """Register unicode_profile with NAT."""

    async def _run(data: UnicodeProfileInput) -> dict[str, Any]:
        return {"kinds": profile(data.text, data.normal_form), "width": width(data.text)}

    yield FunctionInfo.from_fn(_run, description="Count the characters of a text by kind, as readers see them.")
