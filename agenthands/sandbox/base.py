"""The sandbox port: a command, its limits, and its result."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True)
class Limits:
    """Limits of one sandbox: `file_bytes` and `open_files` for each process, all others for the whole sandbox.

    `processes` counts threads too. `disk_bytes` limits the workspace, `scratch_bytes` each of /tmp and /dev/shm,
    `output_bytes` each output stream.
    """

    seconds: float = 120.0
    memory_bytes: int = 4 * 1024**3
    processes: int = 512
    disk_bytes: int = 512 * 1024**2
    file_bytes: int = 64 * 1024**2
    scratch_bytes: int = 256 * 1024**2
    open_files: int = 1024
    output_bytes: int = 1024**2


EndedBy = Literal["time", "memory", "processes", "disk"]


@dataclass(frozen=True)
class Preparation:
    """What a fork server runs once, before it knows the commands that its forks will run.

    `source` is Python code that runs outside of any sandbox, with no environment but `variables`. Neither may contain
    anything that a model wrote.
    """

    source: str
    variables: Mapping[str, str] = field(default_factory=dict)


class Loopback(Protocol):
    """What answers inside a sandbox on its own loopback, under names that lead there.

    A sandbox mounts the two files as its /etc/hosts and /etc/nsswitch.conf, and listens on all loopback addresses.
    """

    @property
    def ports(self) -> Sequence[int]:
        """The ports on which it answers."""

    @property
    def hosts_file(self) -> Path:
        """The file that says which names lead to the loopback."""

    @property
    def switch_file(self) -> Path:
        """The file that says where names are looked up."""

    def take(self, port: int, listening: socket.socket) -> Callable[[], None]:
        """Answer what connects to a listening socket of a sandbox, until the function that is returned is called."""

    def path(self, port: int) -> Path:
        """Return a Unix socket that does the same; its connections begin with a line of the PROXY protocol."""


@dataclass(frozen=True)
class Command:
    """A command for a sandbox. Paths are the same inside and outside.

    The network policy "model" allows the model gateway at `model_socket`; "egress" allows the proxy at `egress_socket`,
    which admits the hosts that the user listed, and also the gateway if `model_socket` is given.

    `loopback` answers inside, from the first moment of the command on; with any network policy.

    If `argv` is [interpreter, "-P", "-c", source] and `prepared` is given, a sandbox may have a fork of a fork server
    run `source`, with the names that the preparation defined.
    """

    argv: Sequence[str]
    workspace: Path
    read_only: Sequence[Path] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    limits: Limits = field(default_factory=Limits)
    network: Literal["none", "model", "egress"] = "none"
    model_socket: Path | None = None
    egress_socket: Path | None = None
    prepared: Preparation | None = None
    loopback: Loopback | None = None


@dataclass(frozen=True)
class CommandResult:
    """How a command in a sandbox ended. `exit_code` is None if the time limit ended it.

    `ended_by` names the limit that ended the command; None if it ended by itself.
    """

    exit_code: int | None
    stdout: bytes
    stderr: bytes
    seconds: float
    truncated: bool = False
    ended_by: EndedBy | None = None

    @property
    def timed_out(self) -> bool:
        """Whether the wall-time limit ended the command."""
        return self.exit_code is None


class Shell(Protocol):
    """An interactive bash inside a sandbox, for an agent's terminal; `path` is the program that starts it."""

    path: Path

    def close(self) -> None:
        """Kill everything that runs in this shell."""


class Sandbox(Protocol):
    """Runs code that a model wrote, with limits, without network, host files, inherited variables or root.

    Sandboxes cannot see or disturb each other, and no process is left when `run` returns or a shell closes.
    """

    name: str

    def check(self) -> str:
        """Start a sandbox, and return in a few words what isolates it. Raises SandboxUnavailable with a hint."""

    def run(self, command: Command) -> CommandResult:
        """Run to the end or to a limit. A failing command is a result. Raises SandboxLost if the sandbox breaks."""

    def shell(self, command: Command, folder: Path) -> Shell:
        """Return a shell for `command.workspace`, whose program is in `folder`.

        `command.stdin` and `command.argv` are ignored, except that a prepared `argv` may run beside the shell.
        """
