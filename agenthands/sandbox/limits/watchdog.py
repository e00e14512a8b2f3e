"""Enforces the limits of a whole bubblewrap sandbox: by cgroups if they can be created, else by watching.

    cgroups.py  creates and removes cgroups
    usage.py    measures processes and memory from /proc, and a workspace

Watching is weaker: a sandbox can exceed its limits between two looks, and memory that no process maps is not seen.
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
_FIRST = 100  # all processes of a sandbox end with its first one, so they need not all be found
_SHARE = 5  # after a look, wait for at least five times as long as it took


class Paced:
    """Calls a function at most once in `every` seconds, and less often if it is slow."""

    def __init__(self, every: float, look: Callable[[], EndedBy | None]) -> None:
        """The first call to `look` is not delayed."""
        self._every, self._look, self._next = every, look, 0.0

    def __call__(self) -> EndedBy | None:
        """Return the result of `look`; None if it is not due yet."""
        started = time.monotonic()
        if started < self._next:
            return None
        answer = self._look()
        ended = time.monotonic()
        self._next = ended + max(self._every, (ended - started) * _SHARE)
        return answer


class DiskWatch:
    """Checks the size of a workspace, including deleted files that processes still hold open."""

    def __init__(self, limits: Limits, workspace: Path, processes: Callable[[], Iterable[int]]) -> None:
        """`processes` returns the ids of the processes to look at, possibly none."""
        self._allowed, self._workspace, self._processes = limits.disk_bytes, workspace, processes
        self._exceeded = False

    def __call__(self) -> EndedBy | None:
        """Return "disk" if the workspace is too large. One that was may stay so but not grow, for a clean-up."""
        if self._exceeded:  # its processes were killed meanwhile, and had kept writing until then
            self._allowed = max(self._allowed, self._used(enough=sys.maxsize))
            self._exceeded = False
            return None
        self._exceeded = self._used(self._allowed) > self._allowed
        return "disk" if self._exceeded else None

    def _used(self, enough: int) -> int:
        used = used_bytes(self._workspace, enough)
        return used if used > enough else used + deleted_bytes(self._processes(), self._workspace)


class Watchdog:
    """The limits of one sandbox. `close` removes their cgroup."""

    def __init__(self, limits: Limits, workspace: Path, cgroups: Cgroups | None) -> None:
        """Create a cgroup in `cgroups`, or watch if that is None. Raises OSError."""
        self._limits = limits
        self._cgroup: Cgroup | None = cgroups.make(limits) if cgroups else None
        self._pid = 0
        self._processes = Paced(_TICK, self._processes_exceed)
        self._disk = Paced(_DISK_TICK, DiskWatch(limits, workspace, self._inside))

    @property
    def entry(self) -> str:
        """Shell code with which a process puts itself under these limits."""
        return self._cgroup.entry if self._cgroup else ":"

    @property
    def files(self) -> list[str]:
        """The files to which a process writes its id to put itself under these limits."""
        return self._cgroup.files if self._cgroup else []

    def exceeded(self, pid: int) -> EndedBy | None:
        """Return the limit that `pid` and its descendants exceed together, if any."""
        self._pid = pid
        return self._processes() or self._disk()

    def cause(self) -> EndedBy | None:
        """Return the limit that was reached just before the end, if any; only a cgroup can tell afterwards."""
        return self._cgroup.reached() if self._cgroup else None

    def close(self) -> None:
        """Kill the remaining processes, and remove the cgroup."""
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
    """Watch a shell until `closing` is set: if it exceeds a limit, kill its processes and write the reason to `note`.

    The process whose id is in `pid_file` stays alive: it restarts the shell.
    """
    while not closing.wait(_TICK):
        with contextlib.suppress(OSError, ValueError):
            pid = int(pid_file.read_text())
            if exceeded := bounds.exceeded(pid):
                note.write_text(f"[The sandbox was ended: it reached its bound of {exceeded}. It starts anew.]\n")
                kill_each(list(tree(pid, _FIRST))[1:])


def kill_each(pids: Iterable[int]) -> None:
    """Kill processes; with the first process of a sandbox, all others in it end."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
