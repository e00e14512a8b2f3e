"""Measures processes and their memory, from /proc alone, and the size of a workspace."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from collections import deque
from collections.abc import Iterable
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PSS = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)


def tree(pid: int, enough: int = sys.maxsize) -> dict[int, int]:
    """Return a process and its descendants, parents first, each with its number of threads; empty if it has ended.

    An orphan inside a sandbox is adopted by the sandbox's first process, so it is found too. The search stops as soon
    as there are more than `enough` threads: a fork bomb would keep it busy.
    """
    found: dict[int, int] = {}
    waiting = deque([pid])
    count = 0
    while waiting and count <= enough:
        current = waiting.popleft()
        try:
            threads = os.listdir(f"/proc/{current}/task")  # noqa: PTH208
        except OSError:
            continue
        found[current] = len(threads)
        count += len(threads)
        for thread in threads:
            with contextlib.suppress(OSError):
                waiting.extend(map(int, Path(f"/proc/{current}/task/{thread}/children").read_bytes().split()))
    return found


def memory_of(processes: Iterable[int], enough: int) -> int:
    """Return the bytes of memory that processes use together.

    Shared pages count in full for each process while the sum is at most `enough`, and proportionally above it, which
    is exact but slower.
    """
    resident = {pid: _resident(pid) for pid in processes}
    if sum(resident.values()) <= enough:
        return sum(resident.values())
    return sum(_share(pid) for pid in resident)


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE
    return 0


def _share(pid: int) -> int:
    """Return the proportional set size in bytes; the resident one if it cannot be read, 0 if the process has ended."""
    try:
        if found := _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_bytes()):
            return int(found[1]) * 1024
    except PermissionError:
        return _resident(pid)
    except OSError:
        pass
    return 0


_ENTRY = 4096  # an empty file takes some space too


def used_bytes(folder: Path, enough: int) -> int:
    """Return the bytes allocated below `folder`; stop as soon as they exceed `enough`.

    A folder that the sandbox can write but that cannot be read counts as more than `enough`.
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
    """Return the bytes of deleted files on the file system of `folder` that `processes` hold open."""
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
