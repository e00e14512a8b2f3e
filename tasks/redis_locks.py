"""Locks that several machines share."""

from __future__ import annotations

import asyncio
import threading
import time

from prefect_redis.locking import RedisLockManager

_LEASE = 30.0  # a machine that died holds others up for this long


class SharedLocks(RedisLockManager):
    """Prefect's locks in Redis, with a lease that is renewed: Prefect's own last for ever where their holder dies."""

    def __init__(self, url: str, lease: float = _LEASE) -> None:
        """Reach Redis at `url`; a lock that nobody renews is free after `lease` seconds."""
        super().__init__(connection_url=url)
        self._lease = lease
        self._renewing: dict[tuple[str, str], threading.Event] = {}

    def acquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Wait for the lock and hold it, renewed by a thread, until it is released."""
        got = super().acquire_lock(key, holder, acquire_timeout, hold_timeout or self._lease)
        if got and (key, holder) not in self._renewing:
            ended = self._renewing[key, holder] = threading.Event()
            threading.Thread(target=self._renew, args=(key, ended), daemon=True, name=f"renew {key}").start()
        return bool(got)

    async def aacquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Do the same without blocking the event loop."""
        return await asyncio.to_thread(self.acquire_lock, key, holder, acquire_timeout, hold_timeout)

    def release_lock(self, key: str, holder: str) -> None:
        """Free the lock; one that ran out meanwhile, or was freed before, is no error."""
        if ended := self._renewing.pop((key, holder), None):
            ended.set()
            super().release_lock(key, holder)

    def _renew(self, key: str, ended: threading.Event) -> None:
        lock = self._locks[self._lock_name_for_key(key)]
        last = time.monotonic()
        while not ended.wait(self._lease / 3) and time.monotonic() - last < self._lease:
            try:
                lock.reacquire()
                last = time.monotonic()
            except Exception:  # Redis is away or has forgotten: the next turn tries again, until the lease is over
                continue
