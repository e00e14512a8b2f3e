"""Group the words of a list that are made of the same letters."""

import unicodedata
from collections.abc import Iterable
from typing import Annotated
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class AnagramGroupsInput(BaseModel):
    words: list[str] = Field(description="The words")
    at_least: Annotated[int, Field(ge=1)] = Field(default=2, description="Smallest group to show")


def letters(word: str) -> str:
    """Return the letters of a word in order, without case and accents."""
    plain = unicodedata.normalize("NFD", word.casefold())
    return "".join(sorted(sign for sign in plain if sign.isalpha()))


def groups(words: Iterable[str], at_least: int = 2) -> list[list[str]]:
    """Return the groups, the largest first, equals in the order in which they began; each word once."""
    found: dict[str, list[str]] = {}
    for word in dict.fromkeys(words):
        if key := letters(word):
            found.setdefault(key, []).append(word)
    return sorted((group for group in found.values() if len(group) >= at_least), key=len, reverse=True)


class AnagramGroupsConfig(FunctionBaseConfig, name="anagram_groups"):
    """Configuration of the tool anagram_groups; it needs none."""


@register_function(config_type=AnagramGroupsConfig)
async def register_anagram_groups(config: AnagramGroupsConfig, builder: Builder):
    """Register anagram_groups with NAT."""

    async def _run(data: AnagramGroupsInput) -> list[list[str]]:
        return groups(data.words, data.at_least)

    yield FunctionInfo.from_fn(_run, description="Group the words of a list that are made of the same letters.")
