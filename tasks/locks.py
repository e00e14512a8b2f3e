"""Locks for making a result that others wait for; they end with the process that holds them."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout
from prefect.locking.protocol import LockManager

from agenthands.settings import Settings

_LOOK = 0.2


class MachineLocks(LockManager):
    """Prefect's lock manager on file locks, which the kernel releases when a process dies."""

    def __init__(self, folder: Path) -> None:
        """Keep the lock files in `folder`."""
        self._folder = folder
        self._held: dict[str, tuple[str, FileLock]] = {}

    def acquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Wait for the lock, forever or for `acquire_timeout` seconds, and return whether it is held."""
        del hold_timeout
        if self.is_lock_holder(key, holder):
            return True
        self._folder.mkdir(parents=True, exist_ok=True)
        # a new object for each holder, so that threads of one process exclude each other too
        lock = FileLock(self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.lock", thread_local=False)
        try:
            lock.acquire(-1 if acquire_timeout is None else acquire_timeout, poll_interval=_LOOK)
        except Timeout:
            return False
        self._held[key] = (holder, lock)
        return True

    async def aacquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Do the same without blocking the event loop."""
        return await asyncio.to_thread(self.acquire_lock, key, holder, acquire_timeout, hold_timeout)

    def release_lock(self, key: str, holder: str) -> None:
        """Release the lock; a second release is no error, because Prefect releases some twice."""
        if self.is_lock_holder(key, holder):
            self._held.pop(key)[1].release()

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Return whether `holder` holds the lock."""
        return key in self._held and self._held[key][0] == holder

    def is_locked(self, key: str) -> bool:
        """Return whether anybody on this machine holds the lock."""
        return not self.wait_for_lock(key, 0)

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until nobody holds the lock, forever or for `timeout` seconds; return whether it is free."""
        waiting = f"waiting {threading.get_ident()}"
        if free := self.acquire_lock(key, waiting, timeout):
            self.release_lock(key, waiting)
        return free

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Do the same without blocking the event loop."""
        return await asyncio.to_thread(self.wait_for_lock, key, timeout)


@cache
def _machine_locks(folder: Path) -> MachineLocks:
    return MachineLocks(folder)


@cache
def _shared_locks(url: str) -> LockManager:
    from agenthands.tasks.redis_locks import SharedLocks

    return SharedLocks(url)


def locks_for(settings: Settings) -> LockManager:
    """Return the locks in Redis that all machines share, if they are configured; else the locks of this machine."""
    return _shared_locks(settings.locks) if settings.locks else _machine_locks(settings.home / "holding")
