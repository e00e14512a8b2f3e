"""Watches the limits of a container, and moves its streams."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
from typing import Any

from agenthands.errors import SandboxLost
from agenthands.sandbox.base import Command, EndedBy
from agenthands.sandbox.limits.cgroups import Counters, counters_of
from agenthands.sandbox.limits.watchdog import DiskWatch, Paced


class ContainerWatch:
    """Watches a container's limits: by the kernel's counters if they can be read here, else by asking the daemon."""

    def __init__(self, api: Any, container: str, command: Command) -> None:
        """Watch `container`, which has just been started."""
        self._api, self._container = api, container
        self._disk = Paced(0.5, DiskWatch(command.limits, command.workspace, self._processes))
        self.started()

    def started(self) -> None:
        """Find the counters again, because the container was restarted."""
        pid = self._api.inspect_container(self._container)["State"]["Pid"]
        self._counters: Counters | None = counters_of(pid, self._container)
        self._bounds = Paced(0.1, self._reached) if self._counters else Paced(2.0, self._oom)

    def exceeded(self) -> EndedBy | None:
        """Return the limit that is exceeded, if any."""
        return self._bounds() or self._disk()

    def cause(self) -> EndedBy | None:
        """Return the limit that made the command fail, if any. Raises SandboxLost if the container was removed."""
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


_HEADER = struct.Struct(">BxxxL")  # the number of the stream, and how many bytes of it follow
_CHUNK = 65536


class Streams:
    """An attached connection to a container without a terminal."""

    def __init__(self, connection: Any, stdin: bytes, limit: int) -> None:
        """Take over the SDK's `connection`; keep at most `limit` bytes of each output."""
        self._connection = connection  # the SDK closes the socket when this is garbage-collected
        self._socket = raw_socket(connection)
        self._socket.setblocking(False)
        self._pending = memoryview(stdin)
        self._limit = limit
        self._frames = Frames()
        self._outputs = {1: bytearray(), 2: bytearray()}
        self._fed = False
        self.open = True
        self.truncated = False

    @property
    def outputs(self) -> tuple[bytes, bytes]:
        """What has come from standard output and standard error so far."""
        return bytes(self._outputs[1]), bytes(self._outputs[2])

    def turn(self, seconds: float) -> None:
        """Read and write what is ready, waiting at most `seconds` for it. Raises OSError if the connection fails."""
        with selectors.DefaultSelector() as selector:
            writing = 0 if self._fed else selectors.EVENT_WRITE
            selector.register(self._socket, selectors.EVENT_READ | writing)
            for _, events in selector.select(seconds):
                if events & selectors.EVENT_WRITE:
                    self._feed()
                if events & selectors.EVENT_READ:
                    self._read()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
        with contextlib.suppress(OSError):
            self._connection.close()

    def _feed(self) -> None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            if self._pending:
                self._pending = self._pending[self._socket.send(self._pending[:_CHUNK]) :]
            if not self._pending:
                self._fed = True
                self._socket.shutdown(socket.SHUT_WR)

    def _read(self) -> None:
        chunk = self._socket.recv(_CHUNK)
        self.open = bool(chunk)
        for stream, part in self._frames.take(chunk):
            kept = self._outputs.get(stream, self._outputs[2])
            room = self._limit - len(kept)
            self.truncated = self.truncated or len(part) > room
            kept += part[: max(0, room)]


class Frames:
    """Parses the daemon's frames incrementally, without holding a whole frame."""

    def __init__(self) -> None:
        """Expect a header first."""
        self._header = b""
        self._stream, self._left = 1, 0

    def take(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the parts of `data`, in order, as (stream number, bytes)."""
        found = []
        while data:
            if not self._left:
                needed = _HEADER.size - len(self._header)
                self._header, data = self._header + data[:needed], data[needed:]
                if len(self._header) < _HEADER.size:
                    break
                self._stream, self._left = _HEADER.unpack(self._header)
                self._header = b""
                continue
            found.append((self._stream, data[: self._left]))
            taken = len(found[-1][1])
            data, self._left = data[taken:], self._left - taken
        return found


def raw_socket(connection: Any) -> socket.socket:
    """Return the socket behind the SDK's connection object."""
    found: socket.socket = getattr(connection, "_sock", connection)
    return found
