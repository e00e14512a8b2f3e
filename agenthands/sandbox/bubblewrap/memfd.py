"""Runs programs from a copy in memory, because a process in a sandbox can reach the file of its first program.

Inside, /proc/1/exe leads past all read-only mounts to the file that was executed outside, and the owner of a file may
change its mode: `chmod 0 /proc/1/exe` would disable the host's bwrap.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


class SealedExecutable:
    """A sealed copy of a program in memory, which nobody can change. `path` can be executed until it is closed."""

    def __init__(self, program: str | Path) -> None:
        """Copy the program. Raises OSError."""
        self._copy = os.memfd_create(Path(program).name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with Path(program).open("rb") as source, open(self._copy, "wb", closefd=False) as target:
                shutil.copyfileobj(source, target)
            fcntl.fcntl(self._copy, fcntl.F_ADD_SEALS, _SEALS)
        except BaseException:
            self.close()
            raise
        self.path = f"/proc/{os.getpid()}/fd/{self._copy}"

    def close(self) -> None:
        """Close the copy; processes that were started from it keep running."""
        os.close(self._copy)


def memory_file(content: bytes) -> int:
    """Return the descriptor of a new file in memory, to be read from its start. Raises OSError."""
    descriptor = os.memfd_create("memory", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
