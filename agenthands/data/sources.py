"""The paths that a user gives as data: whether each can be read, and under which name agents know it."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from agenthands.errors import RequestInvalid

MOST_SOURCES = 20
_MOST_LOOKED_AT = 10_000
_TAKEN = {"type", "name", "description"}  # a tool's configuration has fields of these names
_KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket"}


class Found(NamedTuple):
    """A path that is there: `name` is that of the effect of tools that read it."""

    name: str
    path: Path
    is_folder: bool


def find_sources(paths: Sequence[str]) -> list[Found]:
    """Return the sources at these paths. Raises RequestInvalid for one that cannot be read; reads no content."""
    names = source_names(paths)
    return [Found(name, Path(path).absolute(), _is_folder(path)) for path, name in names.items()]


def source_names(paths: Sequence[str]) -> dict[str, str]:
    """Return the name of each path; the same paths have the same names, whether they are there or not."""
    if len(set(paths)) > MOST_SOURCES:
        raise RequestInvalid(
            f"At most {MOST_SOURCES} paths are read as data.", "Put the files into a folder, and give that."
        )
    names: dict[str, str] = {}
    for path in paths:
        if path not in names:
            plain = name = _plain(path)
            number = 1
            while name in names.values():
                number += 1
                name = f"{plain}_{number}"
            names[path] = name
    return names


def state_of(paths: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return what changes when data do, without reading them: sizes and times of files, and of those in folders."""
    found: list[tuple[str, int, int]] = []
    for path in map(Path, paths):
        files = itertools.chain([path], itertools.islice(path.iterdir(), _MOST_LOOKED_AT) if path.is_dir() else [])
        for file in files:
            with contextlib.suppress(OSError):
                there = file.stat()
                found.append((str(file), there.st_size, there.st_mtime_ns))
    return sorted(found)


def _plain(path: str) -> str:
    first = Path(path).name.removeprefix(".").partition(".")[0]
    words = re.sub(r"[^a-z0-9]+", "_", first.lower()).strip("_")[:40].rstrip("_")
    fits = re.match(r"[a-z][a-z0-9_]", words) and words not in _TAKEN and not words.startswith("model_")
    return words if fits else f"data_{words}".rstrip("_")


def _is_folder(path: str) -> bool:
    try:
        found = Path(path).stat()
    except OSError as error:
        raise RequestInvalid(
            f"The data {path!r} cannot be read: {error.strerror}.", "Give --data the path of a file or a folder."
        ) from None
    if kind := _KINDS.get(stat.S_IFMT(found.st_mode)):
        raise RequestInvalid(f"The data {path!r} is {kind}.", "Write what it gives into a file, and give that.")
    is_folder = stat.S_ISDIR(found.st_mode)
    if not os.access(path, os.R_OK | (os.X_OK if is_folder else 0)):
        raise RequestInvalid(f"The data {path!r} may not be read by this user.", "Change its permissions.")
    if not is_folder and not found.st_size:
        raise RequestInvalid(f"The data {path!r} is empty.", "Give a file with a header at least.")
    return is_folder
