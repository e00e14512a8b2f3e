"""Counts the processes below one, and their memory, from /proc alone."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections import deque
from collections.abc import Iterable
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PSS = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)


def tree(pid: int, enough: int = sys.maxsize) -> dict[int, int]:
    """Give a process and all below it, parents first, each with its number of threads; empty where it has ended.

    An orphan inside a sandbox belongs to the sandbox's first process, so it is found too. Looking stops as soon as
    there are more than `enough` threads: what forks without end would keep it busy.
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
    """Give the bytes that processes hold in memory together.

    Shared pages count for each of them as long as the sum stays below `enough`, and in shares above it: that is exact,
    but costs more.
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
    """Give the proportional share; a process that forbids to look counts in full, one that just ends not at all."""
    try:
        if found := _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_bytes()):
            return int(found[1]) * 1024
    except PermissionError:
        return _resident(pid)
    except OSError:
        pass
    return 0
