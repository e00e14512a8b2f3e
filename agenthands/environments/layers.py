"""Layers: what a new environment takes over from an installed one, as hard links.

Packages for which both locks say the same come with their compiled modules. Nothing changes a file of an environment,
and whoever removes one leaves the links of all others. Where links are not possible, files are copied.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from agenthands._util.atomic_files import write_atomic
from agenthands.environments.base import Environment
from agenthands.environments.lockfile import same_packages, without_packages

_RECORD = ".dist-info/RECORD"


@dataclass(frozen=True)
class Layer:
    """What a new environment has in common with `base`."""

    base: Environment
    files: Mapping[str, Sequence[str]]
    """By package, from the top of an environment, as RECORD lists them."""

    def rest_of(self, lock: str) -> str:
        """Return what remains to be installed of a lock."""
        return without_packages(lock, self.files)

    def link_into(self, environment: Environment) -> None:
        """Add the files to an environment that has the rest already, and keeps what it has. Raises OSError.

        They come last, for uv asks the Python of an environment about itself, and Python runs .pth files as it starts.
        """
        for files in self.files.values():
            written: dict[str, bytes] = {}
            for path in files:
                if script := self._script(path, environment):
                    if _create(environment.path / path, script, (self.base.path / path).stat().st_mode):
                        written[path] = script
                elif self._link(path, environment) and path.endswith(".py"):
                    folder, _, name = path.rpartition("/")
                    compiled = f"{folder}/__pycache__/{name[:-3]}.{sys.implementation.cache_tag}.pyc"
                    if (self.base.path / compiled).exists():
                        self._link(compiled, environment)
            if written:
                record = next(path for path in files if path.endswith(_RECORD))
                _correct_record(environment.path / record, record, written)

    def _link(self, path: str, environment: Environment) -> bool:
        """Link or copy a file; returns whether it was not there before."""
        source, target = f"{self.base.path}/{path}", f"{environment.path}/{path}"
        try:
            os.link(source, target, follow_symlinks=False)
        except FileExistsError:
            return False
        except FileNotFoundError:  # most often the folder is new
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            os.link(source, target, follow_symlinks=False)
        except OSError:  # another file system, one without links, too many links, or somebody else's file
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
        return True

    def _script(self, path: str, environment: Environment) -> bytes:
        """Return a script that names its environment as it must be in another one; empty for any other file."""
        if not path.startswith("bin/"):
            return b""
        old, new = (each.path.name.encode() for each in (self.base, environment))
        with (self.base.path / path).open("rb") as file:
            if file.read(2) != b"#!":
                return b""
            script = b"#!" + file.read()
        return script.replace(old, new) if old in script else b""


def layer_over(base: Environment, lock: str) -> Layer | None:
    """Return what an environment of `lock` can take over from `base`, if anything. Raises OSError, ValueError.

    Left out is a package that shares a file with one that is left out, for nobody knows whose the file is, and one
    with files at the top of the environment or outside of it.
    """
    files: dict[str, list[str]] = {
        canonicalize_name(info.name.partition("-")[0]): _recorded(base, info) for info in base.site.glob("*.dist-info")
    }
    kept = {name for name in same_packages(base.lock, lock) if _can_be_taken(files.get(name, ()))}
    while True:
        others = {path for name, paths in files.items() if name not in kept for path in paths}
        unclear = {name for name in kept if not others.isdisjoint(files[name])}
        if not unclear:
            return Layer(base, {name: files[name] for name in sorted(kept)}) if kept else None
        kept -= unclear


def _recorded(base: Environment, info: Path) -> list[str]:
    site = info.parent.relative_to(base.path)
    with (info / "RECORD").open(encoding="utf-8", newline="") as file:
        return [_from_top(site, row[0]) for row in csv.reader(file) if row]


def _from_top(site: Path, recorded: str) -> str:
    """Return a path of RECORD, which is seen from site-packages, as it is seen from the top of the environment."""
    return recorded if recorded.startswith("/") else os.path.normpath(f"{site}/{recorded}")


def _can_be_taken(paths: Sequence[str]) -> bool:
    """Return whether a package is there with its RECORD, and has files in folders of the environment alone."""
    return any(path.endswith(_RECORD) for path in paths) and all(
        "/" in path and not path.startswith(("/", "../")) for path in paths
    )


def _create(target: Path, content: bytes, mode: int) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError), target.open("xb") as file:
        file.write(content)
        target.chmod(mode)
        return True
    return False


def _correct_record(file: Path, record: str, written: Mapping[str, bytes]) -> None:
    """Have RECORD say what the scripts are that were written anew; it is no link any more then."""
    rows = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"), newline="")))
    for row in rows:
        content = written.get(_from_top(Path(record).parents[1], row[0]))
        if content is not None:
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            row[1:] = [f"sha256={digest}", str(len(content))]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_atomic(file, text.getvalue())
