"""Work folders of builds whose worker was killed: found by locks that died with it, and removed."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from filelock import FileLock, Timeout

_ALIVE = ".alive"
_KEPT_SECONDS = 7 * 24 * 3600.0
_held: list[FileLock] = []


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


def sweep(work: Path) -> list[str]:
    """Remove what dead builds left below `work` and give their ids; what fits a tool that may be gone on with stays.

    The folder of an unfinished tool is removed after a week.
    """
    removed = []
    for folder in sorted(work.glob("*-*-*")):
        if _dead(folder):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder.name)
    for owner in (work / "tools").glob("*/owner"):
        if time.time() - owner.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(owner.parent, ignore_errors=True)
    return removed


def _dead(folder: Path) -> bool:
    if not (folder / _ALIVE).is_file():  # just being made, or made by an older version
        return time.time() - folder.stat().st_mtime > _KEPT_SECONDS
    lock = FileLock(folder / _ALIVE, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True
