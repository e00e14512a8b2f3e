"""Bounds of a whole bubblewrap sandbox: by the kernel's cgroups where they can be made, else by watching.

    bounds_cgroups.py  makes and removes cgroups
    bounds_proc.py     counts processes and memory from /proc
    bounds_disk.py     measures a workspace

Watching is the weaker one: what a sandbox takes between two looks is taken, and memory that nothing maps is not seen.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from agenthands.sandbox.base import EndedBy, Limits
from agenthands.sandbox.limits.cgroups import Cgroup, Cgroups
from agenthands.sandbox.limits.usage import deleted_bytes, memory_of, tree, used_bytes

_TICK = 0.1
_DISK_TICK = 0.5
_FIRST = 100  # with the first process of a sandbox all others in it end: there is no need to find each of them
_SHARE = 5  # what a look costs, it may cost at most every fifth moment again


class Paced:
    """Asks a question at most once in `every` seconds, and less often where the answer takes long."""

    def __init__(self, every: float, look: Callable[[], EndedBy | None]) -> None:
        """Ask for the first time at once."""
        self._every, self._look, self._next = every, look, 0.0

    def __call__(self) -> EndedBy | None:
        """Return the answer, or None where it is not time yet."""
        started = time.monotonic()
        if started < self._next:
            return None
        answer = self._look()
        ended = time.monotonic()
        self._next = ended + max(self._every, (ended - started) * _SHARE)
        return answer


class DiskWatch:
    """Whether a workspace, with the deleted files that processes still hold open, is larger than allowed."""

    def __init__(self, limits: Limits, workspace: Path, processes: Callable[[], Iterable[int]]) -> None:
        """Take the processes to look at from `processes`; it may give none."""
        self._allowed, self._workspace, self._processes = limits.disk_bytes, workspace, processes
        self._exceeded = False

    def __call__(self) -> EndedBy | None:
        """Measure now. A workspace that was too large may stay so, but not grow: somebody must be able to clean up."""
        if self._exceeded:  # all was killed meanwhile, and had written on until then
            self._allowed = max(self._allowed, self._used(enough=sys.maxsize))
            self._exceeded = False
            return None
        self._exceeded = self._used(self._allowed) > self._allowed
        return "disk" if self._exceeded else None

    def _used(self, enough: int) -> int:
        used = used_bytes(self._workspace, enough)
        return used if used > enough else used + deleted_bytes(self._processes(), self._workspace)


class Watchdog:
    """The bounds of one sandbox. `close` removes what they needed."""

    def __init__(self, limits: Limits, workspace: Path, cgroups: Cgroups | None) -> None:
        """Bound by a cgroup of `cgroups`, or by watching where it is None. Raises OSError."""
        self._limits = limits
        self._cgroup: Cgroup | None = cgroups.make(limits) if cgroups else None
        self._pid = 0
        self._processes = Paced(_TICK, self._processes_exceed)
        self._disk = Paced(_DISK_TICK, DiskWatch(limits, workspace, self._inside))

    @property
    def entry(self) -> str:
        """Return shell text with which a process puts itself under these bounds."""
        return self._cgroup.entry if self._cgroup else ":"

    @property
    def files(self) -> list[str]:
        """Return the files into which a process writes its id to put itself under these bounds."""
        return self._cgroup.files if self._cgroup else []

    def exceeded(self, pid: int) -> EndedBy | None:
        """Name the bound that `pid` and all below it exceed together."""
        self._pid = pid
        return self._processes() or self._disk()

    def cause(self) -> EndedBy | None:
        """Name the bound that was reached just before the end; only the kernel can tell that afterwards."""
        return self._cgroup.reached() if self._cgroup else None

    def close(self) -> None:
        """Kill what is left, and remove the cgroup."""
        if self._cgroup:
            self._cgroup.remove()

    def _inside(self) -> list[int]:
        return self._cgroup.processes() if self._cgroup else list(tree(self._pid))

    def _processes_exceed(self) -> EndedBy | None:
        if self._cgroup:
            return self._cgroup.reached()
        processes = tree(self._pid, self._limits.processes)
        if sum(processes.values()) > self._limits.processes:
            return "processes"
        return "memory" if memory_of(processes, self._limits.memory_bytes) > self._limits.memory_bytes else None


def watch_shell(bounds: Watchdog, pid_file: Path, note: Path, closing: threading.Event) -> None:
    """Watch a shell until `closing` is set: what exceeds a bound loses all its processes, and `note` says why.

    The process in `pid_file` itself stays: it starts the shell anew.
    """
    while not closing.wait(_TICK):
        with contextlib.suppress(OSError, ValueError):
            pid = int(pid_file.read_text())
            if exceeded := bounds.exceeded(pid):
                note.write_text(f"[The sandbox was ended: it reached its bound of {exceeded}. It starts anew.]\n")
                kill_each(list(tree(pid, _FIRST))[1:])


def kill_each(pids: Iterable[int]) -> None:
    """Kill processes; the first one of a sandbox takes all others in it with it."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
