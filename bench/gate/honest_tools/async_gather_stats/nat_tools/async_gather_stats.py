"""Estimate pi from several seeded samples, computed side by side."""

import asyncio
import random
from typing import Any
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class AsyncGatherStatsInput(BaseModel):
    seeds: list[int] = Field(min_length=1, max_length=8, description="One sample a seed")
    points: int = Field(default=1000, ge=10, le=5000, description="Points of each sample")


def estimate(seed: int, points: int) -> float:
    """Return four times the share of random points inside a quarter circle."""
    source = random.Random(seed)
    inside = sum(source.random() ** 2 + source.random() ** 2 <= 1 for _ in range(points))
    return 4 * inside / points


async def estimates(seeds: list[int], points: int = 1000) -> dict[str, Any]:
    """Return the estimate of each seed, in their order, and the mean."""
    found = await asyncio.gather(*(asyncio.to_thread(estimate, seed, points) for seed in seeds))
    return {"estimates": found, "mean": round(sum(found) / len(found), 4)}


class AsyncGatherStatsConfig(FunctionBaseConfig, name="async_gather_stats"):
    """Configuration of the tool async_gather_stats; it needs none."""


@register_function(config_type=AsyncGatherStatsConfig)
async def register_async_gather_stats(config: AsyncGatherStatsConfig, builder: Builder):
    """Register async_gather_stats with NAT."""

    async def _run(data: AsyncGatherStatsInput) -> dict[str, Any]:
        return await estimates(data.seeds, data.points)

    yield FunctionInfo.from_fn(_run, description="Estimate pi from several seeded samples, computed side by side.")
