"""What a sandbox is asked to run, within which bounds, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True)
class Limits:
    """Bounds of one sandbox: `file_bytes` and `open_files` for each process, all others for everything in it.

    `processes` counts threads too. `disk_bytes` bounds the workspace, `scratch_bytes` each of /tmp and /dev/shm,
    `output_bytes` each stream.
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
    """What a Python interpreter may have done before it knows its command, once for many commands.

    `source` is run outside of any sandbox, with `variables` alone. Nothing that a model wrote may be in either.
    """

    source: str
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Command:
    """A command for a sandbox. Paths are the same inside and outside.

    The network is none; or the model gateway at `model_socket`; or the proxy at `egress_socket`, which lets the hosts
    pass that the user listed, with the model gateway beside it where `model_socket` is given too.

    Where `argv` is [interpreter, "-P", "-c", source] and `prepared` is given, a sandbox may let a fork of a prepared
    interpreter enter, and run `source` in it, with the names that the preparation has left.
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


@dataclass(frozen=True)
class CommandResult:
    """How a command in a sandbox ended. `exit_code` is None where the time limit ended it.

    `ended_by` names the bound that ended the command; None where it ended by itself.
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
    """A program that acts as an interactive bash inside a sandbox, for an agent's terminal."""

    path: Path

    def close(self) -> None:
        """End everything that runs in this shell."""


class Sandbox(Protocol):
    """Runs code that a model wrote: no network, no host files, no inherited variables, not root, bounded.

    What runs in one sandbox sees and disturbs no other; nothing of it is left when `run` returns or a shell closes.
    """

    name: str

    def check(self) -> str:
        """Say in a few words what isolates. Raises SandboxUnavailable with what to do."""

    def run(self, command: Command) -> CommandResult:
        """Run to the end or to a limit. A failing command is a result. Raises SandboxLost if the sandbox broke."""

    def shell(self, command: Command, folder: Path) -> Shell:
        """Make a shell for `command.workspace`; its program lies in `folder`.

        `stdin` is ignored, and `argv` too, but where it is prepared it may run beside the shell, unseen.
        """
