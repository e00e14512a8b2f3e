"""Folders of workers that were killed, work and temporary ones: found by locks that died with them, and removed."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

_ALIVE = ".alive"
_CLAIMING_SECONDS = 10.0
_KEPT_SECONDS = 7 * 24 * 3600.0
_SCRATCH = "agenthands-scratch-"
_held: list[FileLock] = []
_system_temporary = Path(tempfile.gettempdir())
_OF_PREFECT = ("prefect-workspace-attempt-*", "tmp????????prefect")  # a worker's, one for each run
_PREFECTS_SECONDS = 24 * 3600.0  # which of them lives cannot be told
_own_scratch: tuple[int, Path] | None = None  # the process that made it, and where


def claim(folder: Path) -> None:
    """Say that this process works in a build's folder, until it ends."""
    lock = FileLock(folder / _ALIVE, thread_local=False)
    lock.acquire()
    _held.append(lock)  # a lock that nobody refers to is freed


def release(folder: Path) -> None:
    """Say that this process is done with a build's folder."""
    for lock in [each for each in _held if Path(each.lock_file).parent == folder]:
        lock.release()
        _held.remove(lock)


def use_scratch() -> None:
    """Let all temporary files of this process lie in one folder of its own, and remove what dead processes left so.

    What libraries and installers forget there is covered too, and so is what killed Prefect workers left a day ago. A
    child of such a process uses its parent's folder.
    """
    global _own_scratch
    if Path(tempfile.gettempdir()).name.startswith(_SCRATCH):
        return
    kinds = [(f"{_SCRATCH}*", _dead), *((pattern, _left_by_prefect) for pattern in _OF_PREFECT)]
    for folder, is_left in [(each, is_left) for pattern, is_left in kinds for each in _system_temporary.glob(pattern)]:
        with contextlib.suppress(FileNotFoundError):  # another process has just removed it
            if folder.stat().st_uid == os.getuid() and is_left(folder):
                shutil.rmtree(folder, ignore_errors=True)
    own = tempfile.mkdtemp(prefix=_SCRATCH, dir=_system_temporary)
    claim(Path(own))
    _own_scratch = os.getpid(), Path(own)
    tempfile.tempdir = os.environ["TMPDIR"] = own
    atexit.register(leave_scratch)


def leave_scratch() -> None:
    """Remove the folder that `use_scratch` made for this very process; for its end."""
    global _own_scratch
    if _own_scratch is None or _own_scratch[0] != os.getpid():
        return
    (_, own), _own_scratch = _own_scratch, None
    shutil.rmtree(own, ignore_errors=True)  # before others are told: what a thread makes meanwhile is found as left
    tempfile.tempdir = os.environ["TMPDIR"] = str(_system_temporary)
    release(own)


def sweep(work: Path) -> list[str]:
    """Remove what dead builds left below `work` and give their ids; what fits a tool that may be gone on with stays.

    The folder of an unfinished tool is removed after a week.
    """
    removed = []
    for folder in sorted(work.glob("*-*-*")):
        with contextlib.suppress(OSError):  # another process has just removed it, or it is somebody else's
            if _dead(folder):
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder.name)
    for owner in (work / "tools").glob("*/owner"):
        with contextlib.suppress(OSError):  # so with this one, or its tool is ready
            if time.time() - owner.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(owner.parent, ignore_errors=True)
    return removed


def _left_by_prefect(folder: Path) -> bool:
    return time.time() - folder.stat().st_mtime > _PREFECTS_SECONDS


def _dead(folder: Path) -> bool:
    alive = folder / _ALIVE
    if not alive.is_file():  # just being made, or made by an older version
        return time.time() - folder.stat().st_mtime > _KEPT_SECONDS
    if time.time() - alive.stat().st_mtime < _CLAIMING_SECONDS:  # perhaps made and not locked yet
        return False
    lock = FileLock(alive, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True
