"""Advance Conway's game of life by some generations."""

from collections import Counter
from functools import reduce
from itertools import product
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class LifeStepInput(BaseModel):
    rows: list[str] = Field(description="Lines of # (alive) and . (dead)")
    generations: int = Field(default=1, ge=0, le=100, description="How many steps")


Cell = tuple[int, int]


def step(alive: frozenset[Cell]) -> frozenset[Cell]:
    """Return the cells that live in the next generation."""
    neighbours = Counter(
        (x + dx, y + dy) for x, y in alive for dx, dy in product((-1, 0, 1), repeat=2) if (dx, dy) != (0, 0)
    )
    return frozenset(cell for cell, count in neighbours.items() if count == 3 or (count == 2 and cell in alive))


def play(rows: list[str], generations: int = 1) -> list[str]:
    """Return the same window of the endless plane after some generations."""
    if any(set(row) - set("#.") for row in rows):
        raise ValueError("a row holds only # and .")
    alive = frozenset((x, y) for y, row in enumerate(rows) for x, sign in enumerate(row) if sign == "#")
    alive = reduce(lambda cells, _: step(cells), range(generations), alive)
    return ["".join("#" if (x, y) in alive else "." for x in range(len(row))) for y, row in enumerate(rows)]


class LifeStepConfig(FunctionBaseConfig, name="life_step"):
    """Configuration of the tool life_step; it needs none."""


@register_function(config_type=LifeStepConfig)
async def register_life_step(config: LifeStepConfig, builder: Builder):
    """Register life_step with NAT."""

    async def _run(data: LifeStepInput) -> list[str]:
        return play(data.rows, data.generations)

    yield FunctionInfo.from_fn(_run, description="Advance Conway's game of life by some generations.")
