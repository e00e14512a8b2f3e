"""Lays the worlds of a tool out in a folder and serves them: what a sandbox needs to run code in them."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agenthands._util.killable import UnfinishedError, killable
from agenthands.sandbox.base import Command
from agenthands.schemas import Effects, ToolSpec, World
from agenthands.schemas.world import place_of
from agenthands.world.certificates import VARIABLES, authority_certificate
from agenthands.world.faults import is_relative
from agenthands.world.server import WorldServer

INSIDE = Path(__file__).parent / "inside"
"""The folder with the module that enters worlds; as a plug-in of pytest, it is `agenthands_world`."""
_SQL_SECONDS = 20.0


@dataclass(frozen=True)
class Stage:
    """Worlds that are laid out and served. `described` is what the module inside reads; see its docstring."""

    folder: Path
    server: WorldServer | None
    variables: Mapping[str, str]
    described: Mapping[str, Any]

    def around(self, command: Command) -> Command:
        """Return a command that runs in these worlds: in the first one, until its code enters another."""
        return replace(
            command,
            read_only=[*command.read_only, self.folder],
            variables={**command.variables, **self.variables},
            loopback=self.server.sibling() if self.server else None,
        )

    def around_worlds(self, command: Command) -> Command:
        """Return a command in these worlds whose Python can import the module that enters them."""
        paths = [INSIDE, *_clock()]
        folders = dict.fromkeys([str(INSIDE), *(str(each.parent) for each in paths[1:])])
        found = ":".join(filter(None, [command.variables.get("PYTHONPATH"), *folders]))
        variables = {**command.variables, "PYTHONPATH": found}
        return self.around(replace(command, read_only=[*command.read_only, *paths], variables=variables))

    def around_shell(self, command: Command) -> Command:
        """Return the command of a shell in these worlds, whose pytest has the fixture `world`."""
        variables = {
            "PYTEST_ADDOPTS": f"{command.variables.get('PYTEST_ADDOPTS', '')} -p agenthands_world".strip(),
            "AGENTHANDS_WORLDS": str(self.description_file),
        }
        return self.around_worlds(replace(command, variables={**command.variables, **variables}))

    @property
    def description_file(self) -> Path:
        """The file with `described`."""
        return self.folder / "worlds.json"


def _clock() -> list[Path]:
    """Return where the two modules of time-machine lie; the sandbox's Python is of the same version as ours."""
    found = [importlib.util.find_spec(name) for name in ("time_machine", "_time_machine")]
    paths = [Path(each.origin) for each in found if each and each.origin]
    return [path.parent if path.name == "__init__.py" else path for path in paths]


@contextlib.contextmanager
def staged(tool: ToolSpec, folder: Path) -> Iterator[Stage | None]:
    """Yield the worlds of a tool, laid out in an empty folder; None if it has none. Raises ValueError for faulty ones.

    Nothing inside may write there: what a tool may change is copied each time it enters a world.
    """
    if not tool.worlds:
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    hosts = [each.host for each in tool.effects.http]
    with contextlib.ExitStack() as ends:
        server = None
        variables = {}
        if hosts:
            server = WorldServer(list(tool.worlds.values()), hosts, folder)
            ends.callback(server.close)
            certificate = folder / "authority.pem"
            certificate.write_bytes(authority_certificate())
            variables = dict.fromkeys(VARIABLES, str(certificate))
        worlds = {
            name: _laid_out(world, number, tool.effects, folder / str(number))
            for number, (name, world) in enumerate(tool.worlds.items())
        }
        stage = Stage(folder, server, variables, {"hosts": hosts, "variables": variables, "worlds": worlds})
        stage.description_file.write_text(json.dumps(stage.described))
        yield stage


def _laid_out(world: World, number: int, effects: Effects, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    contents = {path: text.encode() for path, text in world.files.items()}
    contents |= {path: base64.b64decode(text) for path, text in world.binary.items()}
    for path, content in contents.items():
        if not is_relative(path):
            raise ValueError(f"{path!r} is no path of a world")
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    databases = {each.name: each.kind for each in effects.databases}
    for name, sql in world.tables.items():
        kind = databases.get(name, "sqlite")
        try:
            path = str(folder / f"{name}.{kind}")
            fault = killable("agenthands.world.tables:make_database", sql, path, kind, cpu_seconds=_SQL_SECONDS)
        except (UnfinishedError, RuntimeError) as error:
            fault = str(error)
        if fault:
            raise ValueError(f"{name}: {fault}")
    singles = {place_of(path): path for path in contents if "/" not in path}
    places = {
        name: {
            "path": str(folder / (f"{name}.{databases[name]}" if name in databases else singles.get(name, name))),
            "write": each.access == "write",
            "database": name in databases,
        }
        for name, each in effects.places()
    }
    secrets = {name.lower(): world.secrets.get(name, f"dummy-{name.lower()}") for name in effects.secrets}
    settings = {each.name: each.default for each in effects.settings} | dict(world.settings)
    fields = {**settings, **secrets}
    return {"number": number, "now": world.now, "fields": fields, "secrets": [*secrets.values()], "places": places}
