"""Creates a cgroup for each sandbox, in version 1 or 2, if this process may; it mounts and delegates nothing."""

from __future__ import annotations

import contextlib
import itertools
import os
import shlex
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from agenthands.sandbox.base import EndedBy, Limits

_CONTROLLERS = ("memory", "pids")
_NAME = "agenthands"
_FRESH = 10.0  # a worker in another container, whose process id means nothing here, may have created it
_counter = itertools.count()


class Counters:
    """The kernel's counters of one cgroup, whoever created it."""

    def __init__(self, folders: Mapping[str, Path], version: int) -> None:
        """Read from `folders`, by controller: all the same in version 2, each its own in version 1."""
        self._folders, self._version = folders, version
        self._before: dict[EndedBy, int] = {"memory": 0, "processes": 0}

    def reached(self) -> EndedBy | None:
        """Return the limit that was reached since the last call, if any."""
        memory = "memory.events" if self._version == 2 else "memory.oom_control"
        counts: dict[EndedBy, int] = {
            "memory": _count(self._folders["memory"] / memory, b"oom_kill"),
            "processes": _count(self._folders["pids"] / "pids.events", b"max"),
        }
        reached = next((bound for bound, count in counts.items() if count > self._before[bound]), None)
        self._before = counts
        return reached

    def processes(self) -> list[int]:
        """Return the ids of the processes inside, as this process sees them."""
        return _inside(self._folders["pids"])


class Cgroup(Counters):
    """Our own cgroup, with the limits of one sandbox."""

    def __init__(self, folders: Mapping[str, Path], version: int, limits: Limits) -> None:
        """Create the folders and write the limits. If that fails, nothing is left, and OSError is raised."""
        super().__init__(folders, version)
        try:
            for folder in set(folders.values()):
                folder.mkdir()
            self._write(limits)
        except OSError:
            self.remove()
            raise

    @property
    def entry(self) -> str:
        """Shell code with which a process joins; it fails if the process cannot."""
        return " && ".join(f"echo $$ > {shlex.quote(file)}" for file in self.files)

    @property
    def files(self) -> list[str]:
        """The files to which a process writes its id to join."""
        return [str(folder / "cgroup.procs") for folder in sorted(set(self._folders.values()))]

    def kill(self) -> None:
        """Kill every process inside."""
        _kill_inside(self._folders["pids"])

    def remove(self) -> None:
        """Kill the remaining processes and remove the folders."""
        self.kill()
        for folder in set(self._folders.values()):
            for _ in range(100):
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.02)
                else:
                    break

    def _write(self, limits: Limits) -> None:
        memory, pids = self._folders["memory"], self._folders["pids"]
        wanted = "memory.max" if self._version == 2 else "memory.limit_in_bytes"
        (memory / wanted).write_text(str(limits.memory_bytes))
        (pids / "pids.max").write_text(str(limits.processes))
        swap, most = ("memory.swap.max", 0) if self._version == 2 else ("memory.memsw.limit_in_bytes", None)
        with contextlib.suppress(OSError):  # kernels without swap accounting have no such file
            if (memory / swap).exists():
                (memory / swap).write_text(str(limits.memory_bytes if most is None else most))


class Cgroups:
    """The folders in which this process may create cgroups."""

    def __init__(self, parents: Mapping[str, Path], version: int) -> None:
        """Create cgroups below `parents`, a folder for each controller; remove those of dead processes."""
        self._parents, self.version = parents, version
        for parent in set(parents.values()):
            _sweep(parent)

    def make(self, limits: Limits) -> Cgroup:
        """Create the cgroup of one sandbox. Raises OSError."""
        name = f"{_NAME}-{os.getpid()}-{next(_counter)}-{_space()}"
        return Cgroup({controller: parent / name for controller, parent in self._parents.items()}, self.version, limits)


def counters_of(pid: int, name: str) -> Counters | None:
    """Return the counters of a process's cgroup; None if it cannot be read or has no `name` in its path."""
    with contextlib.suppress(OSError):
        own = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
        own = [parts for parts in own if name in parts[2]]
        mounts = _mounts(Path("/proc/self"))
        folders = {c: mounts[c] / path.strip("/") for _, names, path in own for c in names.split(",") if c in mounts}
        if set(_CONTROLLERS) <= set(folders):
            return Counters(folders, 1)
        second = next((path for number, _, path in own if number == "0"), None)
        if second and (folder := mounts["2"] / second.strip("/")).joinpath("pids.events").exists():
            return Counters(dict.fromkeys(_CONTROLLERS, folder), 2)
    return None


def find_cgroups(process: Path = Path("/proc/self")) -> Cgroups | None:
    """Return where cgroups that limit memory and processes can be created, after creating one; None if nowhere."""
    try:
        own = [line.split(":", 2) for line in (process / "cgroup").read_text().splitlines()]
        mounts = _mounts(process)
    except OSError:
        return None
    for parents, version in (_second(own, mounts), _first(own, mounts)):
        if parents:
            with contextlib.suppress(OSError):
                cgroups = Cgroups(parents, version)
                cgroups.make(Limits()).remove()
                return cgroups
    return None


def _first(own: Sequence[Sequence[str]], mounts: Mapping[str, Path]) -> tuple[dict[str, Path], int]:
    parents = {}
    for _, controllers, path in own:
        for controller in set(controllers.split(",")) & set(_CONTROLLERS) & set(mounts):
            inside = mounts[controller] / path.strip("/")
            # a container sees its path as from outside, but mounts only what is below it
            parents[controller] = inside if inside.is_dir() else mounts[controller]
    return (parents if len(parents) == len(_CONTROLLERS) and all(map(_usable, parents.values())) else {}), 1


def _second(own: Sequence[Sequence[str]], mounts: Mapping[str, Path]) -> tuple[dict[str, Path], int]:
    """Return the folder of version 2 for each controller: this process's cgroup or a parent, as systemd delegates.

    A cgroup that contains processes cannot enable controllers for its children, hence the parents.
    """
    path = next((path for number, _, path in own if number == "0"), None)
    if path is None or "2" not in mounts:
        return {}, 2
    top = mounts["2"]
    inside = top / path.strip("/")
    for folder in (inside, *inside.parents):
        with contextlib.suppress(OSError):
            given = (folder / "cgroup.subtree_control").read_text().split()
            if set(_CONTROLLERS) <= set(given) and _usable(folder):
                return dict.fromkeys(_CONTROLLERS, folder), 2
        if folder == top:
            break
    return {}, 2


def _mounts(process: Path) -> dict[str, Path]:
    """Return where each controller of version 1 is mounted, and version 2 under the key "2"."""
    found: dict[str, Path] = {}
    for line in (process / "mounts").read_text().splitlines():
        _, folder, kind, options, *_ = line.split()
        if kind == "cgroup2":
            found["2"] = Path(folder)
        elif kind == "cgroup":
            found |= dict.fromkeys(set(options.split(",")) & set(_CONTROLLERS), Path(folder))
    return found


def _usable(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)


def _sweep(parent: Path) -> None:
    """Remove the cgroups of killed workers, and kill the processes in them."""
    for folder in parent.glob(f"{_NAME}-*-*"):
        with contextlib.suppress(OSError, ValueError):
            _, pid, _, *space = folder.name.split("-")
            gone = not Path(f"/proc/{int(pid)}").exists()
            if gone and time.time() - folder.stat().st_mtime > _FRESH:
                if space == [_space()]:
                    _kill_inside(folder)
                folder.rmdir()


def _space() -> str:
    """Return the id of this process's pid namespace."""
    return os.readlink("/proc/self/ns/pid").strip("pid:[]")  # noqa: PTH115 - a name, not a path


def _kill_inside(folder: Path) -> None:
    """Kill every process in a cgroup, repeatedly, because one may just be forking."""
    for _ in range(100):
        inside = [pid for pid in _inside(folder) if pid > 0]
        if not inside:
            return
        for pid in inside:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _inside(folder: Path) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
    return []


def _count(file: Path, name: bytes) -> int:
    with contextlib.suppress(OSError):
        for line in file.read_bytes().splitlines():
            key, _, value = line.partition(b" ")
            if key == name:
                return int(value)
    return 0
