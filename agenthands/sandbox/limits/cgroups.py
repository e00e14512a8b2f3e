"""Makes one cgroup a sandbox, in version 1 or 2, where this process may; nothing is mounted or delegated here."""

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
_FRESH = 10.0  # another container's worker may have made it, whose process id means nothing here
_counter = itertools.count()


class Counters:
    """What the kernel tells about the bounds of one cgroup, whoever made it."""

    def __init__(self, folders: Mapping[str, Path], version: int) -> None:
        """Read in `folders`: one in version 2, one for each controller in version 1."""
        self._folders, self._version = folders, version
        self._before: dict[EndedBy, int] = {"memory": 0, "processes": 0}

    def reached(self) -> EndedBy | None:
        """Name the bound that was reached since the last time this was asked."""
        memory = "memory.events" if self._version == 2 else "memory.oom_control"
        counts: dict[EndedBy, int] = {
            "memory": _count(self._folders["memory"] / memory, b"oom_kill"),
            "processes": _count(self._folders["pids"] / "pids.events", b"max"),
        }
        reached = next((bound for bound, count in counts.items() if count > self._before[bound]), None)
        self._before = counts
        return reached

    def processes(self) -> list[int]:
        """Return the processes inside, as this process sees them."""
        return _inside(self._folders["pids"])


class Cgroup(Counters):
    """A cgroup of our own, with the bounds of one sandbox."""

    def __init__(self, folders: Mapping[str, Path], version: int, limits: Limits) -> None:
        """Make the folders and write the limits. Raises OSError, and leaves nothing then."""
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
        """Return shell text with which a process joins; it fails where the process cannot."""
        return " && ".join(f"echo $$ > {shlex.quote(file)}" for file in self.files)

    @property
    def files(self) -> list[str]:
        """Return the files into which a process writes its id to join."""
        return [str(folder / "cgroup.procs") for folder in sorted(set(self._folders.values()))]

    def kill(self) -> None:
        """Kill every process inside."""
        _kill_inside(self._folders["pids"])

    def remove(self) -> None:
        """Kill what is left and remove the folders."""
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
    """Where this process may make cgroups."""

    def __init__(self, parents: Mapping[str, Path], version: int) -> None:
        """Make them below `parents`, one a controller; removes those of processes that are no more."""
        self._parents, self.version = parents, version
        for parent in set(parents.values()):
            _sweep(parent)

    def make(self, limits: Limits) -> Cgroup:
        """Make the cgroup of one sandbox. Raises OSError."""
        name = f"{_NAME}-{os.getpid()}-{next(_counter)}-{_space()}"
        return Cgroup({controller: parent / name for controller, parent in self._parents.items()}, self.version, limits)


def counters_of(pid: int, name: str) -> Counters | None:
    """Return the counters of a process's cgroup; None where it cannot be seen or has no `name` in its path."""
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
    """Find where cgroups with memory and processes can be made, and make one to be sure; None where none can."""
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
            # a container sees its own path from outside, but only what lies below it
            parents[controller] = inside if inside.is_dir() else mounts[controller]
    return (parents if len(parents) == len(_CONTROLLERS) and all(map(_usable, parents.values())) else {}), 1


def _second(own: Sequence[Sequence[str]], mounts: Mapping[str, Path]) -> tuple[dict[str, Path], int]:
    """A cgroup with processes may not give controllers to children, so look in its parents also (systemd delegates)."""
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
    """Return where each controller of version 1 is mounted, and version 2 as "2"."""
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
    """Remove cgroups of workers that were killed, with what still runs in them."""
    for folder in parent.glob(f"{_NAME}-*-*"):
        with contextlib.suppress(OSError, ValueError):
            _, pid, _, *space = folder.name.split("-")
            gone = not Path(f"/proc/{int(pid)}").exists()
            if gone and time.time() - folder.stat().st_mtime > _FRESH:
                if space == [_space()]:
                    _kill_inside(folder)
                folder.rmdir()


def _space() -> str:
    """Name the namespace in which this process' id means something."""
    return os.readlink("/proc/self/ns/pid").strip("pid:[]")  # noqa: PTH115 - no path, but a name


def _kill_inside(folder: Path) -> None:
    """Kill every process in a cgroup; one that is just being forked is met by the next turn."""
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
