"""Where the data lie that a build was made for: what its agent reads on this machine, and nobody else is told."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from agenthands.data.sources import source_names
from agenthands.errors import RequestInvalid
from agenthands.evaluation.agent_world import place_variable
from agenthands.schemas import BuildRecord


def data_paths(record: BuildRecord, environment: Mapping[str, str], *, required: bool) -> dict[str, str]:
    """Return the paths of what an agent's tools read, by the variables of its configuration.

    A variable of the `environment` comes before what the build was given as data. Raises RequestInvalid, if they are
    `required`, where one of them is not there; else such a path is left out.
    """
    given = {name: path for path, name in source_names(record.request.data or ()).items()}
    found: dict[str, str] = {}
    for tool in record.plan.custom_tools if record.plan else ():
        for name, place in tool.effects.places():
            variable = place_variable(tool.name, name)
            path = environment.get(variable) or given.get(name)
            if not path or place.access != "read":
                continue
            if Path(path).exists():
                found[variable] = str(Path(path).resolve())
            elif required:
                raise RequestInvalid(
                    f"The data that {tool.name} reads is not there any more: {path}",
                    f"Bring it back, or set {variable} to where it lies now.",
                )
    return found


def with_journals(path: Path) -> list[Path]:
    """Return a path, and what SQLite keeps beside a database that is in use."""
    beside = [path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm", "-journal")]
    return [path, *(each for each in beside if path.is_file() and each.is_file())]


def fill_env(folder: Path, record: BuildRecord) -> list[str]:
    """Write `.env` of a fetched agent with the paths of its data, if it has some; return the variables that are set."""
    paths = data_paths(record, {}, required=False)
    example = folder / ".env.example"
    if not paths or not example.is_file():
        return []
    text = example.read_text(encoding="utf-8")
    for variable, path in paths.items():
        line = f"{variable}={shlex.quote(path)}"
        text = re.sub(rf"(?m)^{variable}=$", line.replace("\\", r"\\"), text)
    file = folder / ".env"
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    return list(paths)
