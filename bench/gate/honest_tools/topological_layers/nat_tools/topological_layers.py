"""Order tasks into layers that can be done at the same time."""

from graphlib import CycleError, TopologicalSorter
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class TopologicalLayersInput(BaseModel):
    needs: dict[str, list[str]] = Field(description="For each task, the tasks that must be done before")


def layers(needs: dict[str, list[str]]) -> list[list[str]]:
    """Return the layers; raises ValueError where tasks wait for each other."""
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        raise ValueError("these wait for each other: " + ", ".join(sorted(set(error.args[1])))) from error
    found = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        found.append(ready)
        sorter.done(*ready)
    return found


class TopologicalLayersConfig(FunctionBaseConfig, name="topological_layers"):
    """Configuration of the tool topological_layers; it needs none."""


@register_function(config_type=TopologicalLayersConfig)
async def register_topological_layers(config: TopologicalLayersConfig, builder: Builder):
    """Register topological_layers with NAT."""

    async def _run(data: TopologicalLayersInput) -> list[list[str]]:
        return layers(data.needs)

    yield FunctionInfo.from_fn(_run, description="Order tasks into layers that can be done at the same time.")
