"""Find the shortest way between two places of a road network."""

import heapq
from collections import defaultdict
from typing import TypedDict
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class Road(BaseModel):
    """A road that may be driven both ways unless it says otherwise."""

    start: str = Field(description="Name of a place")
    end: str = Field(description="Name of another place")
    km: float = Field(ge=0, description="Length in kilometres")
    one_way: bool = Field(default=False, description="From start to end only")


class GraphRouteInput(BaseModel):
    roads: list[Road] = Field(description="All roads")
    source: str = Field(description="Where to start")
    target: str = Field(description="Where to go")


class Route(TypedDict):
    km: float
    places: list[str]


def shortest(roads: list[Road], source: str, target: str) -> Route:
    """Return the shortest route (Dijkstra); raises ValueError where there is none."""
    near: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    for road in roads:
        near[road.start].append((road.end, road.km))
        if not road.one_way:
            near[road.end].append((road.start, road.km))
    heap: list[tuple[float, list[str]]] = [(0.0, [source])]
    done: set[str] = set()
    while heap:
        km, places = heapq.heappop(heap)
        here = places[-1]
        if here == target:
            return {"km": round(km, 3), "places": places}
        if here in done:
            continue
        done.add(here)
        for there, length in near[here]:
            heapq.heappush(heap, (km + length, [*places, there]))
    raise ValueError(f"there is no way from {source} to {target}")


class GraphRouteConfig(FunctionBaseConfig, name="graph_route"):
    """Configuration of the tool graph_route; it needs none."""


@register_function(config_type=GraphRouteConfig)
async def register_graph_route(config: GraphRouteConfig, builder: Builder):
    """Register graph_route with NAT."""

    async def _run(data: GraphRouteInput) -> Route:
        return shortest(data.roads, data.source, data.target)

    yield FunctionInfo.from_fn(_run, description="Find the shortest way between two places of a road network.")
