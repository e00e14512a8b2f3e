"""Measures what a sandbox keeps on disk. The sandbox owns all names here, so no link is followed."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

_ENTRY = 4096  # a file without content costs something too


def used_bytes(folder: Path, enough: int) -> int:
    """Give the allocated bytes below `folder`; stops as soon as they are more than `enough`.

    A folder that the sandbox can write, but nobody can measure, counts as more than enough.
    """
    total = 0
    seen: set[tuple[int, int]] = set()
    folders = [str(folder)]
    while folders and total <= enough:
        current = folders.pop()
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    with contextlib.suppress(FileNotFoundError):
                        total += _size(entry, seen)
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                    if total > enough:
                        break
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:  # a path that is too long, or rights that were taken away
            if _writable(current):
                return enough + 1
    return total


def deleted_bytes(processes: Iterable[int], folder: Path) -> int:
    """Give the bytes of files without a name, on the file system of `folder`, that `processes` hold open."""
    found: dict[int, int] = {}
    device = folder.stat().st_dev
    for pid in processes:
        for status in _open_files(pid):
            if status.st_nlink == 0 and status.st_dev == device and stat.S_ISREG(status.st_mode):
                found[status.st_ino] = status.st_blocks * 512
    return sum(found.values())


def _open_files(pid: int) -> list[os.stat_result]:
    files = []
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208
            with contextlib.suppress(OSError):
                files.append(os.stat(f"/proc/{pid}/fd/{name}"))  # noqa: PTH116
    return files


def _size(entry: os.DirEntry[str], seen: set[tuple[int, int]]) -> int:
    status = entry.stat(follow_symlinks=False)
    if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
        if (status.st_dev, status.st_ino) in seen:
            return 0
        seen.add((status.st_dev, status.st_ino))
    return max(_ENTRY, status.st_blocks * 512)


def _writable(folder: str) -> bool:
    try:
        return bool(os.lstat(folder).st_mode & 0o222)
    except FileNotFoundError:
        return False
    except OSError:
        return True
