"""Prefect's cache as the builds use it: one key a result, kept in the store, made by one build at a time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from prefect import Task
from prefect.cache_policies import CachePolicy
from prefect.client.schemas.objects import State
from prefect.locking.memory import MemoryLockManager
from prefect.states import Failed
from prefect.transactions import IsolationLevel, get_transaction
from pydantic import BaseModel

from agenthands.errors import AgentHandsError
from agenthands.masking import masked, masked_bytes
from agenthands.settings import Settings
from tasks import wiring
from tasks.locks import locks_for
from tasks.result_storage import MaskedJson, results_in


@dataclass
class FixedKey(CachePolicy):
    """The key is known before the task is called, see `agenthands.cache_keys`."""

    key: str = ""

    def compute_key(self, *_: Any, **__: Any) -> str:
        """Give it, whatever the inputs are."""
        return self.key


_OBJECT = "result.json"


def kept[**P, R](task: Task[P, R], key: str, settings: Settings) -> Task[P, R]:
    """Give the task so that its result is read from the store, or made once and kept there under `key`."""
    return task.with_options(
        cache_policy=FixedKey(
            key=f"{key}/{_OBJECT}", isolation_level=IsolationLevel.SERIALIZABLE, lock_manager=locks_for(settings)
        ),
        result_storage=results_in(settings),
        result_serializer=MaskedJson(),
        persist_result=True,
        refresh_cache=settings.refresh,
    )


def kept_here[**P, R](task: Task[P, R], key: str, folder: Path) -> Task[P, R]:
    """Give the task so that its result is kept in `folder`, for a build that goes on there after its worker died.

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
        result_serializer=MaskedJson(),
        persist_result=True,
        refresh_cache=False,
    )


def rejected[R](result: R, reason: str) -> R:
    """Give what a task returns whose result is a rejection: a failed run, which is not kept for other builds."""
    do_not_keep()
    return cast("R", Failed(data=result, message=masked(reason)))  # Prefect hands the data on


def forget(key: str, settings: Settings) -> None:
    """Let a kept result be made anew: an object without a result is one that Prefect does not find."""
    wiring.store_for(settings).put(f"{key}/{_OBJECT}", b"")


def is_kept(key: str, settings: Settings) -> bool:
    """Say whether the store has a result under `key`; not where it cannot be asked."""
    try:
        return bool(wiring.store_for(settings).get(f"{key}/{_OBJECT}"))
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


def kept_apart[R: BaseModel](key: str, kind: type[R], settings: Settings) -> R | None:
    """Give, from inside a task, what `keep_apart` has kept under `key`; the task has nothing to keep then."""
    if not key or settings.refresh:
        return None
    try:
        content = wiring.store_for(settings).get(f"{key}/{_OBJECT}")
        found = kind.model_validate_json(content) if content else None
    except (KeyError, ValueError):  # there is nothing, or it is of a form that we do not know any more
        return None
    if found is not None:
        do_not_keep()
    return found


def keep_apart[R: BaseModel](key: str, result: R, settings: Settings) -> R:
    """Keep a task's result under `key` instead of its own: it counts for those alone who look there."""
    do_not_keep()
    wiring.store_for(settings).put(f"{key}/{_OBJECT}", masked_bytes(result.model_dump_json().encode()))
    return result


def do_not_keep() -> None:
    """Say from inside a task that its result counts for this run alone."""
    if transaction := get_transaction():
        transaction.write_on_commit = False


def result_of[R](state: State[R]) -> tuple[R, bool]:
    """Give what a task gave, a rejection included, and whether it was kept from before. Raises what the task raised."""
    result: Any = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result, state.name == "Cached"
