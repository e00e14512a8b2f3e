"""What an agent's tools and MCP servers see of the machine, and what they keep, when the agent runs in a container."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from agenthands.evaluation.agent_world import place_variable
from agenthands.mcp.setup import PlannedServer
from agenthands.schemas import Plan

STATE = "/agent/state"


@dataclass(frozen=True)
class Mount:
    """A folder or file of the user's, named by a variable, which is found under the same path in the container."""

    variable: str
    read_only: bool


def mounts(plan: Plan, servers: Sequence[PlannedServer]) -> list[Mount]:
    """Return the paths of tools and servers; read-only unless the plan lets the agent do more than read there."""
    of_tools = [
        Mount(place_variable(tool.name, name), place.access == "read")
        for tool in plan.custom_tools
        for name, place in tool.effects.places()
    ]
    return of_tools + [
        Mount(each.name, not server.grants)
        for server in servers
        for each in server.entry.variables
        if each.path and each.name not in kept_files(servers)
    ]


def kept_files(servers: Sequence[PlannedServer]) -> Mapping[str, str]:
    """Return the files that servers make and write themselves, by variable: their paths in the container's volume."""
    return {
        each.name: f"{STATE}/{server.entry.id}-{PurePosixPath(each.placeholder).name}"
        for server in servers
        for each in server.entry.variables
        if each.path == "file" and each.written
    }
