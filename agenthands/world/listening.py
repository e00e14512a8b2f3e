"""Answers on a sandbox's loopback, on sockets that are handed over or on Unix sockets: a thread a connection."""

from __future__ import annotations

import contextlib
import copy
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

HTTP, HTTPS = 80, 443
_MOST_CONNECTIONS = 128
_LONGEST_LINE = 108  # of the PROXY protocol, version 1


class Listening(ABC):
    """What a sandbox mounts and listens on for certain names; see `agenthands.sandbox.base.Loopback`."""

    ports = (HTTP, HTTPS)

    def __init__(self, names: Sequence[str], folder: Path) -> None:
        """Write what a sandbox mounts into `folder`."""
        self.names = list(names)
        self._folder = folder
        self._slots = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        self._at_paths: dict[int, Callable[[], None]] = {}
        self._opening = threading.Lock()
        self.hosts_file, self.switch_file = folder / "hosts", folder / "nsswitch.conf"
        self.hosts_file.write_text(f"127.0.0.1 localhost sandbox {' '.join(self.names)}\n")
        self.switch_file.write_text("hosts: files\nservices: files\nprotocols: files\n")

    def take(self, port: int, listening: socket.socket) -> Callable[[], None]:
        """Answer what connects to a listening socket, until the function that is returned is called."""
        return self._accepting(listening, port, proxied=False)

    def path(self, port: int) -> Path:
        """Return a Unix socket whose connections begin with a line of the PROXY protocol, version 1."""
        path = self._folder / f"{id(self)}-{port}.socket"  # others listen in the same folder
        with self._opening:
            if port not in self._at_paths:
                listening = socket.socket(socket.AF_UNIX)
                listening.bind(str(path))
                listening.listen(_MOST_CONNECTIONS)
                self._at_paths[port] = self._accepting(listening, port, proxied=True)
        return path

    def close(self) -> None:
        """End the Unix sockets."""
        for end in self._at_paths.values():
            end()

    @abstractmethod
    def connected(self, link: socket.socket, port: int, address: str) -> None:
        """Serve one connection to its end; `address` is the one that was asked, of the loopback.

        What the client breaks off may raise OSError or ValueError: it is nobody's fault.
        """

    def _alike(self) -> Self:
        """Return a copy that listens for itself, with what a subclass keeps still in common."""
        other = copy.copy(self)
        other._at_paths, other._opening = {}, threading.Lock()
        return other

    def _accepting(self, listening: socket.socket, port: int, *, proxied: bool) -> Callable[[], None]:
        listening.settimeout(None)

        def accept() -> None:
            with listening:
                while True:
                    try:
                        link, _ = listening.accept()
                    except OSError:
                        return
                    self._slots.acquire()
                    threading.Thread(target=self._served, args=(link, port, proxied), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

        def end() -> None:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)

        return end

    def _served(self, link: socket.socket, port: int, proxied: bool) -> None:
        try:
            with link, contextlib.suppress(OSError, ValueError):
                address = _told_address(link) if proxied else str(link.getsockname()[0])
                self.connected(link, port, address)
        finally:
            self._slots.release()


def _told_address(link: socket.socket) -> str:
    """Return the address that a client asked, from the line with which a connection through a relay begins."""
    line = b""
    while not line.endswith(b"\n") and len(line) < _LONGEST_LINE and (byte := link.recv(1)):
        line += byte
    words = line.decode("ascii").split()
    if len(words) < 4:
        raise ValueError("this is no line of the PROXY protocol")
    return words[3]
