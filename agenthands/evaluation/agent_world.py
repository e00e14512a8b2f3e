"""The recorded worlds in which an agent is asked its test cases: those of all its tools together."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agenthands.sandbox.base import Command
from agenthands.schemas import Effects, ToolSpec, World
from agenthands.world.staging import Stage, staged


def place_variable(tool: str, place: str) -> str:
    """Return the environment variable that gives an agent the path of a tool's file, folder or database."""
    return f"{tool}_{place}".upper()


@dataclass(frozen=True)
class AgentWorlds:
    """Worlds that are laid out and served; `told` is what `worlds_script.py` reads of them. None of it: no world."""

    stage: Stage | None = None
    told: Mapping[str, Any] | None = None

    def around(self, command: Command) -> Command:
        """Return a command that runs in these worlds, and can enter each of them."""
        if self.stage is None:
            return command
        near = ",".join(["127.0.0.1", "localhost", *self.stage.described["hosts"]])
        variables = {**command.variables, "NO_PROXY": near, "no_proxy": near}
        return self.stage.around_worlds(replace(command, variables=variables))


def worlds_together(names: Sequence[str], tools: Sequence[ToolSpec], apart: bool) -> list[list[str]]:
    """Return which worlds one process can be in, one after the other; `apart` says that each needs one of its own.

    A process of another program, such as an MCP server, stays in the first world of its sandbox.
    """
    known = {name for tool in tools for name in tool.worlds}
    recorded = [name for name in names if name in known]
    groups = [[name] for name in recorded] if apart else [recorded]
    return [group for group in [*groups, [name for name in names if name not in known]] if group]


@contextlib.contextmanager
def in_worlds(names: Sequence[str], tools: Sequence[ToolSpec], folder: Path) -> Iterator[AgentWorlds]:
    """Yield the worlds of these names, laid out in a new `folder`, with what each tool finds in them.

    Raises ValueError for a world that is faulty.
    """
    concerned = [tool for tool in tools if set(names) & set(tool.worlds)]
    if not concerned:
        yield AgentWorlds()
        return
    shutil.rmtree(folder, ignore_errors=True)
    worlds = {name: _together(concerned, name) for name in names}
    together = concerned[0].model_copy(update={"effects": _all_effects(concerned), "worlds": worlds})
    with staged(together, folder) as stage:
        assert stage
        places = [(tool.name, name) for tool in concerned for name, _ in tool.effects.places()]
        told = {
            "described": stage.described,
            "variables": {
                **{_qualified(*place): place_variable(*place) for place in places},
                **{name.lower(): name for name in together.effects.secrets},
            },
            "settings": {
                name: {tool.name: tool.worlds[name].settings for tool in concerned if name in tool.worlds}
                for name in names
            },
            "alone": [name for name, world in worlds.items() if _changes(world, together.effects)],
        }
        yield AgentWorlds(stage, told)


def _changes(world: World, effects: Effects) -> bool:
    """Return whether a question may find what another one left: it is asked alone then, and the world begun anew."""
    writes = any(place.access == "write" for _, place in effects.places())
    return writes or any(exchange.turn for exchange in world.http)


def _all_effects(tools: Sequence[ToolSpec]) -> Effects:
    """Return the effects of all these tools but their settings; the names of places begin with their tool's."""
    http = {each.host: each for tool in tools for each in tool.effects.http}
    return Effects().model_copy(
        update={
            "http": list(http.values()),
            "files": [_named(tool, each) for tool in tools for each in tool.effects.files],
            "databases": [_named(tool, each) for tool in tools for each in tool.effects.databases],
            "secrets": list(dict.fromkeys(name for tool in tools for name in tool.effects.secrets)),
        }
    )


def _together(tools: Sequence[ToolSpec], world: str) -> World:
    """Return what these tools find in the world of this name."""
    pairs = [(tool, tool.worlds[world]) for tool in tools if world in tool.worlds]
    return World().model_copy(
        update={
            "http": [exchange for _, each in pairs for exchange in each.http],
            "files": {_qualified(tool.name, path): text for tool, each in pairs for path, text in each.files.items()},
            "binary": {_qualified(tool.name, path): text for tool, each in pairs for path, text in each.binary.items()},
            "tables": {_qualified(tool.name, name): sql for tool, each in pairs for name, sql in each.tables.items()},
            "secrets": {name: value for _, each in pairs for name, value in each.secrets.items()},
            "now": next((each.now for _, each in pairs if each.now), ""),
        }
    )


def _named(tool: ToolSpec, place: Any) -> Any:
    return place.model_copy(update={"name": _qualified(tool.name, place.name)})


def _qualified(tool: str, place: str) -> str:
    return f"{tool}_{place}"
