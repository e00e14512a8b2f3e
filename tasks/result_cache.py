"""Caches results of Prefect tasks in our store, under the keys of `agenthands.store.cache_keys`."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from prefect import Task
from prefect.cache_policies import CachePolicy
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectAlreadyExists
from prefect.filesystems import WritableFileSystem
from prefect.locking.memory import MemoryLockManager
from prefect.states import Failed
from prefect.transactions import IsolationLevel, get_transaction
from pydantic import BaseModel, PrivateAttr
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from agenthands._util.redaction import has_password, redact, redact_bytes, without_user
from agenthands.errors import AgentHandsError
from agenthands.settings import Settings, load_settings
from agenthands.store.base import Store
from agenthands.tasks import dependencies
from agenthands.tasks.locks import locks_for
from agenthands.tasks.result_format import RedactedJson

_KEPT = ("plans/", "locks/", "servers/", "tools/", "acceptances/", "builds/")
_saved: dict[str, StoreResults] = {}
_saving = threading.Lock()
# Prefect checks for a block's type and schema before it creates them: of two first runs, one finds that they exist.
_FIRST = Retrying(
    retry=retry_if_exception_type(ObjectAlreadyExists),
    stop=stop_after_attempt(5),
    wait=wait_random(0, 0.5),
    reraise=True,
)


class StoreResults(WritableFileSystem):
    """Prefect's storage block on our Store port: writes are atomic, and retried while the store is unavailable."""

    _block_type_name = "AgentHands store"
    _block_type_slug = "agenthands-store"
    _logo_url = None
    _store: Store | None = PrivateAttr(None)

    url: str

    def read_path(self, path: str, **_: Any) -> bytes | None:  # type: ignore[override]  # Prefect calls both kinds
        """Return the cached content under a key; None if there is none."""
        try:
            return self._opened().get(path)
        except KeyError:
            return None

    async def aread_path(self, path: str, **_: Any) -> bytes | None:
        """Do the same for Prefect's asynchronous side."""
        return self.read_path(path)

    def write_path(self, path: str, content: bytes, **_: Any) -> None:  # type: ignore[override]
        """Cache a result. Anything without one of our keys, such as the exception of a failed run, is dropped."""
        if path.startswith(_KEPT):
            self._opened().put(path, content)

    async def awrite_path(self, path: str, content: bytes, **_: Any) -> None:
        """Do the same for Prefect's asynchronous side."""
        self.write_path(path, content)

    def _opened(self) -> Store:
        if self._store is None:
            own = load_settings().store_url  # only the worker may know a password; everybody can read the block
            self._store = dependencies.store_at(
                own if has_password(own) and without_user(own) == self.url else self.url
            )
        return self._store


def results_in(settings: Settings) -> StoreResults:
    """Return the block for the store of these settings, which is saved to Prefect's server once, without a password."""
    url = without_user(settings.store_url)
    with _saving:
        if url not in _saved:
            name = f"store-{hashlib.sha256(url.encode()).hexdigest()[:16]}"
            try:
                block = cast("StoreResults", StoreResults.load(name))
            except ValueError:
                block = StoreResults(url=url)
                _FIRST(block.save, name, overwrite=True)
            _saved[url] = block
        return _saved[url]


@dataclass
class FixedKey(CachePolicy):
    """A cache policy whose key is known before the task is called, see `agenthands.store.cache_keys`."""

    key: str = ""

    def compute_key(self, *_: Any, **__: Any) -> str:
        """Return the key, whatever the inputs are."""
        return self.key


_OBJECT = "result.json"


def cached[**P, R](task: Task[P, R], key: str, settings: Settings) -> Task[P, R]:
    """Return the task with its result cached in the store under `key`; a lock ensures that it is made only once."""
    return task.with_options(
        cache_policy=FixedKey(
            key=f"{key}/{_OBJECT}", isolation_level=IsolationLevel.SERIALIZABLE, lock_manager=locks_for(settings)
        ),
        result_storage=results_in(settings),
        result_serializer=RedactedJson(),
        persist_result=True,
        refresh_cache=settings.refresh,
    )


def cached_in_folder[**P, R](task: Task[P, R], key: str, folder: Path) -> Task[P, R]:
    """Return the task with its result cached in `folder`, for a build that resumes there after its worker died.

    The caller must own the folder. The task needs its own isolation level and locks: with its parent's, it would wait
    for all tasks on the machine with the same `key`, or not be cached because one of them is just being cached.
    """
    return task.with_options(
        cache_policy=FixedKey(
            key=f"{key}.json",
            isolation_level=IsolationLevel.READ_COMMITTED,
            lock_manager=MemoryLockManager(),  # type: ignore[no-untyped-call]
        ),
        result_storage=folder,
        result_serializer=RedactedJson(),
        persist_result=True,
        refresh_cache=False,
    )


def uncached_rejection[R](result: R, reason: str) -> R:
    """Return what a task must return to reject `result`: the state of a failed run, which is not cached."""
    skip_cache()
    return cast("R", Failed(data=result, message=redact(reason)))  # Prefect passes the data on


def invalidate(key: str, settings: Settings) -> None:
    """Remove a cached result, by writing an empty object, which Prefect treats as missing."""
    dependencies.store_for(settings).put(f"{key}/{_OBJECT}", b"")


def is_cached(key: str, settings: Settings) -> bool:
    """Return whether the store has a result under `key`; False if the store does not answer."""
    try:
        return bool(dependencies.store_for(settings).get(f"{key}/{_OBJECT}"))
    except (KeyError, AgentHandsError):
        return False


@contextmanager
def lock_if_free(key: str, settings: Settings) -> Iterator[bool]:
    """Hold the lock of the cached result under `key` if nobody else does; yield whether it is held."""
    locks, name, holder = locks_for(settings), f"{key}/{_OBJECT}", uuid.uuid4().hex
    free = locks.acquire_lock(name, holder, 0)
    try:
        yield free
    finally:
        if free:
            locks.release_lock(name, holder)


def load_fallback_result[R: BaseModel](key: str, kind: type[R], settings: Settings) -> R | None:
    """Return, inside a task, what `store_fallback_result` has cached under `key`, or None.

    If there is a result, the task's own result is not cached.
    """
    if not key or settings.refresh:
        return None
    try:
        content = dependencies.store_for(settings).get(f"{key}/{_OBJECT}")
        found = kind.model_validate_json(content) if content else None
    except (KeyError, ValueError):  # there is none, or its format is no longer known
        return None
    if found is not None:
        skip_cache()
    return found


def store_fallback_result[R: BaseModel](key: str, result: R, settings: Settings) -> R:
    """Cache a task's result under `key` instead of its own key, for builds with the same fallback; return it."""
    skip_cache()
    dependencies.store_for(settings).put(f"{key}/{_OBJECT}", redact_bytes(result.model_dump_json().encode()))
    return result


def skip_cache() -> None:
    """Prevent, from inside a task, that its result is cached."""
    if transaction := get_transaction():
        transaction.write_on_commit = False


def result_of[R](state: State[R]) -> tuple[R, bool]:
    """Return a task's result, even a rejection, and whether it was cached. Raises what the task raised."""
    result: Any = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result, state.name == "Cached"
