"""Locks in Redis that several machines share."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import NamedTuple

from prefect_redis.locking import RedisLockManager
from redis.exceptions import LockError
from redis.lock import Lock

_LEASE = 30.0  # seconds for which a dead machine blocks others


class _Held(NamedTuple):
    lock: Lock
    ended: threading.Event


class SharedLocks(RedisLockManager):
    """Prefect's locks in Redis, with a lease that is renewed: Prefect's own last forever if their holder dies.

    Held locks are stored by key and holder. Prefect stores them by key alone, and forgets the lock of a thread that
    acquires it just when another thread of the process releases it.
    """

    def __init__(self, url: str, lease: float = _LEASE) -> None:
        """Connect to Redis at `url`; a lock that is not renewed expires after `lease` seconds."""
        super().__init__(connection_url=url)
        self._lease = lease
        self._held: dict[tuple[str, str], _Held] = {}

    def acquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Wait for the lock, and return whether it is held; a thread renews it until it is released."""
        if self.is_lock_holder(key, holder):
            return True
        name = self._lock_name_for_key(key)
        lock = Lock(self.client, name, timeout=hold_timeout or self._lease, thread_local=False)
        if not lock.acquire(token=holder, blocking_timeout=acquire_timeout):
            return False
        self._held[key, holder] = held = _Held(lock, threading.Event())
        threading.Thread(target=self._renew, args=(held,), daemon=True, name=f"renew {key}").start()
        return True

    async def aacquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Do the same without blocking the event loop."""
        return await asyncio.to_thread(self.acquire_lock, key, holder, acquire_timeout, hold_timeout)

    def release_lock(self, key: str, holder: str) -> None:
        """Release the lock; one that has expired or was released before is no error."""
        if held := self._held.pop((key, holder), None):
            held.ended.set()
            with contextlib.suppress(LockError):
                held.lock.release()

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Return whether `holder` holds the lock."""
        held = self._held.get((key, holder))
        return held is not None and bool(held.lock.owned())

    def _renew(self, held: _Held) -> None:
        last = time.monotonic()
        while not held.ended.wait(self._lease / 3) and time.monotonic() - last < self._lease:
            try:
                held.lock.reacquire()
                last = time.monotonic()
            except Exception:  # Redis is away or has lost the lock: retry until the lease expires
                continue
