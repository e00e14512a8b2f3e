"""Whether a container exceeds its bounds, and which."""

from __future__ import annotations

from typing import Any

from agenthands.adapters.bounds import DiskWatch, Paced
from agenthands.adapters.bounds_cgroups import Counters, counters_of
from agenthands.commands import Command, EndedBy
from agenthands.errors import SandboxLost


class ContainerWatch:
    """Looks after a container: the kernel's counters where they can be read here, else the daemon's word; the disk."""

    def __init__(self, api: Any, container: str, command: Command) -> None:
        """Begin with a container that has just been started."""
        self._api, self._container = api, container
        self._disk = Paced(0.5, DiskWatch(command.limits, command.workspace, self._processes))
        self.started()

    def started(self) -> None:
        """Look anew: the container was started again."""
        pid = self._api.inspect_container(self._container)["State"]["Pid"]
        self._counters: Counters | None = counters_of(pid, self._container)
        self._bounds = Paced(0.1, self._reached) if self._counters else Paced(2.0, self._oom)

    def exceeded(self) -> EndedBy | None:
        """Name the bound that is exceeded."""
        return self._bounds() or self._disk()

    def cause(self) -> EndedBy | None:
        """Name the bound that made the command fail, after its end. Raises SandboxLost where it was removed."""
        return self._oom()

    def _reached(self) -> EndedBy | None:
        return self._counters.reached() if self._counters else None

    def _oom(self) -> EndedBy | None:
        state = self._api.inspect_container(self._container)["State"]
        if state["Status"] in ("removing", "dead"):
            raise SandboxLost("Somebody removed the container while its command ran.")
        return "memory" if state["OOMKilled"] else None

    def _processes(self) -> list[int]:
        return self._counters.processes() if self._counters else []
