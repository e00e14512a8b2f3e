"""Choose the most valuable items that fit into a bag."""

from dataclasses import asdict, dataclass
from typing import Any, TypedDict
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


@dataclass(frozen=True, slots=True, order=True)
class Choice:
    value: int = 0
    items: tuple[str, ...] = ()


class Item(TypedDict):
    name: str
    weight: int
    value: int


class KnapsackInput(BaseModel):
    items: list[Item] = Field(description="Items with positive weight")
    capacity: int = Field(ge=0, le=10_000, description="What the bag holds")


def choose(items: list[Item], capacity: int) -> Choice:
    """Return the best choice (dynamic programming); each item is there once."""
    best = [Choice()] * (capacity + 1)
    for item in items:
        weight = item["weight"]
        if weight < 1:
            raise ValueError(f"{item['name']} must weigh something")
        for room in range(capacity, weight - 1, -1):
            before = best[room - weight]
            with_it = Choice(before.value + item["value"], (*before.items, item["name"]))
            if with_it.value > best[room].value:
                best[room] = with_it
    return best[capacity]


class KnapsackConfig(FunctionBaseConfig, name="knapsack"):
    """Configuration of the tool knapsack; it needs none."""


@register_function(config_type=KnapsackConfig)
async def register_knapsack(config: KnapsackConfig, builder: Builder):
    """Register knapsack with NAT."""

    async def _run(data: KnapsackInput) -> dict[str, Any]:
        return asdict(choose(data.items, data.capacity))

    yield FunctionInfo.from_fn(_run, description="Choose the most valuable items that fit into a bag.")
