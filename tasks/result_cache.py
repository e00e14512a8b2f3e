"""Where Prefect keeps the results of tasks: in our store, under the keys of `agenthands.store.cache_keys`."""

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
# Prefect looks for a block's type and schema before it makes them: of two first runs, one is told that they are there.
_FIRST = Retrying(
    retry=retry_if_exception_type(ObjectAlreadyExists),
    stop=stop_after_attempt(5),
    wait=wait_random(0, 0.5),
    reraise=True,
)


class StoreResults(WritableFileSystem):
    """Prefect's storage block over our Store port: writes are whole, and repeated while the store is away."""

    _block_type_name = "AgentHands store"
    _block_type_slug = "agenthands-store"
    _logo_url = None
    _store: Store | None = PrivateAttr(None)

    url: str

    def read_path(self, path: str, **_: Any) -> bytes | None:  # type: ignore[override]  # Prefect calls both kinds
        """Return what is kept under a key; None where there is nothing."""
        try:
            return self._opened().get(path)
        except KeyError:
            return None

    async def aread_path(self, path: str, **_: Any) -> bytes | None:
        """Do the same for Prefect's asynchronous side."""
        return self.read_path(path)

    def write_path(self, path: str, content: bytes, **_: Any) -> None:  # type: ignore[override]
        """Keep a result. What has no key of ours, as the exceptions of failed runs, is not kept."""
        if path.startswith(_KEPT):
            self._opened().put(path, content)

    async def awrite_path(self, path: str, content: bytes, **_: Any) -> None:
        """Do the same for Prefect's asynchronous side."""
        self.write_path(path, content)

    def _opened(self) -> Store:
        if self._store is None:
            own = load_settings().store_url  # a password is the worker's; the block is for all to read
            self._store = dependencies.store_at(
                own if has_password(own) and without_user(own) == self.url else self.url
            )
        return self._store


def results_in(settings: Settings) -> StoreResults:
    """Return the block for the store of these settings; Prefect's server learns of it once. It holds no key."""
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
    """The key is known before the task is called, see `agenthands.store.cache_keys`."""

    key: str = ""

    def compute_key(self, *_: Any, **__: Any) -> str:
        """Return it, whatever the inputs are."""
        return self.key


_OBJECT = "result.json"


def cached[**P, R](task: Task[P, R], key: str, settings: Settings) -> Task[P, R]:
    """Return the task so that its result is read from the store, or made once and kept there under `key`."""
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
    """Return the task so that its result is kept in `folder`, for a build that goes on there after its worker died.

    Who works in the folder has it for itself. A task without a level and locks of its own takes its parent's: it waits
    for all others on the machine whose `key` is the same, or is not kept because one of them is just being kept.
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
    """Return what a task returns whose result is a rejection: a failed run, which is not kept for other builds."""
    skip_cache()
    return cast("R", Failed(data=result, message=redact(reason)))  # Prefect hands the data on


def invalidate(key: str, settings: Settings) -> None:
    """Let a kept result be made anew: an object without a result is one that Prefect does not find."""
    dependencies.store_for(settings).put(f"{key}/{_OBJECT}", b"")


def is_cached(key: str, settings: Settings) -> bool:
    """Return whether the store has a result under `key`; not where it cannot be asked."""
    try:
        return bool(dependencies.store_for(settings).get(f"{key}/{_OBJECT}"))
    except (KeyError, AgentHandsError):
        return False


@contextmanager
def lock_if_free(key: str, settings: Settings) -> Iterator[bool]:
    """Hold the lock of what is kept under `key` where nobody else does; says whether it is held."""
    locks, name, holder = locks_for(settings), f"{key}/{_OBJECT}", uuid.uuid4().hex
    free = locks.acquire_lock(name, holder, 0)
    try:
        yield free
    finally:
        if free:
            locks.release_lock(name, holder)


def load_fallback_result[R: BaseModel](key: str, kind: type[R], settings: Settings) -> R | None:
    """Return, inside a task, what `store_fallback_result` kept under `key`; the task has nothing to keep then."""
    if not key or settings.refresh:
        return None
    try:
        content = dependencies.store_for(settings).get(f"{key}/{_OBJECT}")
        found = kind.model_validate_json(content) if content else None
    except (KeyError, ValueError):  # there is nothing, or it is of a form that we do not know any more
        return None
    if found is not None:
        skip_cache()
    return found


def store_fallback_result[R: BaseModel](key: str, result: R, settings: Settings) -> R:
    """Keep a task's result under `key` instead of its own: it counts for those alone who look there."""
    skip_cache()
    dependencies.store_for(settings).put(f"{key}/{_OBJECT}", redact_bytes(result.model_dump_json().encode()))
    return result


def skip_cache() -> None:
    """Say from inside a task that its result counts for this run alone."""
    if transaction := get_transaction():
        transaction.write_on_commit = False


def result_of[R](state: State[R]) -> tuple[R, bool]:
    """Return a task's result, a rejection too, and whether it was kept from before. Raises what the task raised."""
    result: Any = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result, state.name == "Cached"
