"""Set texts side by side in columns of equal width."""

import textwrap
from itertools import zip_longest
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class WordWrapColumnsInput(BaseModel):
    texts: list[str] = Field(min_length=1, max_length=4, description="One text a column")
    width: int = Field(default=20, ge=5, le=80, description="Width of each column")
    gap: int = Field(default=2, ge=1, description="Spaces between columns")


def columns(texts: list[str], width: int = 20, gap: int = 2) -> list[str]:
    """Return the lines; words that are longer than a column are broken."""
    wrapped = [textwrap.wrap(text, width) for text in texts]
    rows = zip_longest(*wrapped, fillvalue="")
    space = " " * gap
    return [space.join(cell.ljust(width) for cell in row).rstrip() for row in rows]


class WordWrapColumnsConfig(FunctionBaseConfig, name="word_wrap_columns"):
    """Configuration of the tool word_wrap_columns; it needs none."""


@register_function(config_type=WordWrapColumnsConfig)
async def register_word_wrap_columns(config: WordWrapColumnsConfig, builder: Builder):
    """Register word_wrap_columns with NAT."""

    async def _run(data: WordWrapColumnsInput) -> list[str]:
        return columns(data.texts, data.width, data.gap)

    yield FunctionInfo.from_fn(_run, description="Set texts side by side in columns of equal width.")
