"""Opens ports inside a sandbox from the outside, and has what answers there answer on them.

An ordinary user inside may not listen below 1024, and what answers must be out of reach of the code inside. So a helper
joins the sandbox's network namespace, listens, and hands the sockets over: they stay in that namespace for good.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from agenthands.sandbox.base import Loopback

_SCRIPT = Path(__file__).parent / "open_ports_script.py"
_SECONDS = 30
_TICK = 0.1
_CREDENTIALS = struct.Struct("iII")


def open_doors(process: int, loopback: Loopback) -> list[Callable[[], None]]:
    """Let `loopback` answer in the network namespace of a process; return what ends that. Raises OSError."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(_SECONDS)
        ports = [str(port) for port in loopback.ports]
        argv = [sys.executable, "-I", "-S", str(_SCRIPT), str(process), str(theirs.fileno()), *ports]
        helper = subprocess.run(
            argv, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, capture_output=True, env={}, check=False,
            timeout=_SECONDS, text=True,
        )  # fmt: skip
        if helper.returncode:
            raise OSError(f"the ports of the recorded world cannot be opened: {helper.stderr.strip()[-300:]}")
        _, descriptors, _, _ = socket.recv_fds(ours, 1, len(ports))
    listening = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    return [loopback.take(port, each) for port, each in zip(loopback.ports, listening, strict=True)]


class Door:
    """Opens the ports of one sandbox before its command begins: the command waits for a line."""

    def __init__(self, loopback: Loopback) -> None:
        """Make the connection that the sandbox inherits."""
        self._loopback = loopback
        self._ours, self._theirs = socket.socketpair()
        self._ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._ours.settimeout(_SECONDS * 4)
        self._ends: list[Callable[[], None]] = []
        self.failure = ""
        threading.Thread(target=self._wait, daemon=True).start()

    @property
    def inherited(self) -> int:
        """The file descriptor that the sandbox inherits."""
        return self._theirs.fileno()

    @property
    def waiting(self) -> str:
        """Shell code that waits inside until the ports are open, and ends the shell if they cannot be opened."""
        end = self._theirs.fileno()
        return f"echo >&{end}; read -r -u {end} _ || exit 125; exec {end}>&-; "

    def opened_for(self, process: int) -> None:
        """Open the ports in the sandbox of a process. Raises OSError."""
        self._ends += open_doors(process, self._loopback)

    def close(self) -> None:
        """Close all that was opened."""
        for each in (self._ours, self._theirs):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for end in self._ends:
            end()

    def _wait(self) -> None:
        try:
            ready, parts, _, _ = self._ours.recvmsg(1, socket.CMSG_SPACE(_CREDENTIALS.size))
            if ready:
                process, _, _ = _CREDENTIALS.unpack(parts[0][2])  # the kernel translates it to our pid namespace
                self.opened_for(process)
                self._ours.sendall(b"\n")
        except (OSError, subprocess.SubprocessError) as error:
            self.failure = str(error)
            with contextlib.suppress(OSError):
                self._ours.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def door(loopback: Loopback | None) -> Iterator[Door | None]:
    """Yield what opens the ports of one sandbox; None if nothing answers there."""
    if loopback is None:
        yield None
        return
    with contextlib.closing(Door(loopback)) as opened:
        yield opened


def keep_doors_open(loopback: Loopback, inside: Callable[[], int], ended: threading.Event) -> None:
    """Open the ports in each sandbox that a shell begins, until `ended`; `inside` returns its first process, or 0."""
    known, ends = "", list[Callable[[], None]]()
    while not ended.wait(_TICK):
        with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
            process = inside()
            network = os.readlink(f"/proc/{process}/ns/net") if process else known  # noqa: PTH115 - a name, not a path
            if network != known:
                for end in ends:
                    end()
                ends, known = open_doors(process, loopback), network
    for end in ends:
        end()
