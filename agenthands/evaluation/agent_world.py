"""The recorded world in which an agent is asked a test case: that of all its tools together."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agenthands.sandbox.base import Command
from agenthands.schemas import Effects, ToolSpec, World
from agenthands.world.staging import staged


def place_variable(tool: str, place: str) -> str:
    """Return the environment variable that gives an agent the path of a tool's file, folder or database."""
    return f"{tool}_{place}".upper()


@contextlib.contextmanager
def in_world(command: Command, tools: Sequence[ToolSpec], world: str, folder: Path) -> Iterator[Command]:
    """Yield a command that runs in a world of these tools, laid out in a new `folder`; the same one where it has none.

    The time is today's: only a single tool can be called at another. Raises ValueError for a world that is faulty.
    """
    concerned = [tool for tool in tools if world in tool.worlds]
    if not concerned:
        yield command
        return
    shutil.rmtree(folder, ignore_errors=True)
    together = _together(concerned, world)
    with staged(together, folder / "recorded") as stage:
        assert stage
        described = stage.described["worlds"][world]
        variables = {name: described["fields"][name.lower()] for name in together.effects.secrets}
        variables |= {name.upper(): _own(place, folder / "own") for name, place in described["places"].items()}
        variables["NO_PROXY"] = variables["no_proxy"] = ",".join(["127.0.0.1", "localhost", *stage.described["hosts"]])
        yield stage.around(replace(command, variables={**command.variables, **variables}))


def _together(tools: Sequence[ToolSpec], world: str) -> ToolSpec:
    """Return a specification with the effects of all these tools; the names of places begin with their tool's."""
    worlds = [tool.worlds[world] for tool in tools]
    pairs = list(zip(tools, worlds, strict=True))
    http = {each.host: each for tool in tools for each in tool.effects.http}
    effects = Effects().model_copy(
        update={
            "http": list(http.values()),
            "files": [_named(tool, each) for tool in tools for each in tool.effects.files],
            "databases": [_named(tool, each) for tool in tools for each in tool.effects.databases],
            "secrets": list(dict.fromkeys(name for tool in tools for name in tool.effects.secrets)),
        }
    )
    everything = World().model_copy(
        update={
            "http": [exchange for each in worlds for exchange in each.http],
            "files": {f"{tool.name}_{path}": text for tool, each in pairs for path, text in each.files.items()},
            "binary": {f"{tool.name}_{path}": text for tool, each in pairs for path, text in each.binary.items()},
            "tables": {f"{tool.name}_{name}": sql for tool, each in pairs for name, sql in each.tables.items()},
            "secrets": {name: value for each in worlds for name, value in each.secrets.items()},
        }
    )
    return tools[0].model_copy(update={"effects": effects, "worlds": {world: everything}})


def _named(tool: ToolSpec, place: Any) -> Any:
    return place.model_copy(update={"name": f"{tool.name}_{place.name}"})


def _own(place: Mapping[str, Any], folder: Path) -> str:
    """Return the path of a place: a copy in `folder`, which the agent may write, where it may be changed."""
    path = Path(place["path"])
    if not place["write"]:
        return str(path)
    folder.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, folder / path.name)
    elif path.exists():
        shutil.copyfile(path, folder / path.name)
    return str(folder / path.name)
