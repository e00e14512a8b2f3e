"""Deal people to tables in a fair order that a word decides."""

import hashlib
from functools import partial
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class SeatingHashInput(BaseModel):
    people: list[str] = Field(description="Their names, each once")
    tables: int = Field(ge=1, le=20, description="Number of tables")
    word: str = Field(default="", description="Another word gives another order")


def rank(word: str, person: str) -> int:
    """Return a number that depends on both texts alone."""
    digest = hashlib.blake2b(person.encode(), key=word.encode()[:64], digest_size=8).digest()
    return int.from_bytes(digest, "big")


def deal(people: list[str], tables: int, word: str = "") -> list[list[str]]:
    """Return the people at each table; raises ValueError for a name that comes twice."""
    if len(set(people)) < len(people):
        raise ValueError("a name comes twice")
    order = sorted(people, key=partial(rank, word))
    return [order[table::tables] for table in range(tables)]


class SeatingHashConfig(FunctionBaseConfig, name="seating_hash"):
    """Configuration of the tool seating_hash; it needs none."""


@register_function(config_type=SeatingHashConfig)
async def register_seating_hash(config: SeatingHashConfig, builder: Builder):
    """Register seating_hash with NAT."""

    async def _run(data: SeatingHashInput) -> list[list[str]]:
        return deal(data.people, data.tables, data.word)

    yield FunctionInfo.from_fn(_run, description="Deal people to tables in a fair order that a word decides.")
