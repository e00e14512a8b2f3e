"""Removes what is no longer wanted: one build, or all that is old; and what nothing refers to any more.

The record of a build goes first: what is left after an interruption is no build, and the next `prune` removes it.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agenthands.errors import StoreNotUsable
from agenthands.schemas import BuildRecord
from agenthands.schemas.bounds import ID
from agenthands.store.base import Store
from agenthands.store.builds import agent_name, all_records, build_prefix

_KEPT_RESULTS = ("plans", "locks", "servers", "tools", "acceptances", "builds")
_RECORD = "build.json"
_DAY = 24 * 3600.0


@dataclass(frozen=True)
class Doomed:
    """One thing that can be removed: what it is, why, how many bytes it has, and how to remove it."""

    kind: str
    name: str
    why: str
    bytes: int
    remove: Callable[[], None]


def remove_build(store: Store, record: BuildRecord) -> None:
    """Remove a build with all its files, its record first; the agent's newest accepted build is then another one.

    Raises StoreNotUsable, StoreUnavailable.
    """
    prefix = build_prefix(record)
    store.remove(f"{prefix}/{_RECORD}")
    _point_to_another(store, record)
    for key in store.keys(f"{prefix}/"):
        store.remove(key)


def _point_to_another(store: Store, gone: BuildRecord) -> None:
    """Let the agent's name stand for its newest accepted build, if it stood for the one that is gone."""
    key = f"agents/{agent_name(gone)}/latest"
    try:
        latest = store.get(key, 200).decode(errors="replace").strip()
    except (KeyError, StoreNotUsable):
        return
    if latest != gone.build_id:
        return
    others = (each for each in all_records(store) if agent_name(each) == agent_name(gone))
    newest = next((each for each in others if each.status == "accepted"), None)
    if newest:
        store.put(key, newest.build_id.encode())
    else:
        store.remove(key)


def old_builds(store: Store, days: float, now: float | None = None) -> Iterator[Doomed]:
    """Yield builds that began so many days ago; the newest accepted one of each agent stays, and its whole line."""
    records = list(all_records(store))
    kept = _lines_of_newest(records)
    limit = (now or time.time()) - days * _DAY
    for record in records:
        began = datetime.fromisoformat(record.started_at).replace(tzinfo=UTC).timestamp()
        if began < limit and record.build_id not in kept:
            why = f"{record.status}, {(time.time() - began) / _DAY:.0f} days old"
            yield Doomed("build", record.build_id, why, _size(store, record), _removes(store, record))


def _lines_of_newest(records: Sequence[BuildRecord]) -> set[str]:
    """Return the ids of the newest accepted build of each agent, and of all of which it is a revision."""
    by_id = {record.build_id: record for record in records}
    newest: dict[str, BuildRecord] = {}
    for record in records:  # the newest first
        if record.status == "accepted":
            newest.setdefault(agent_name(record), record)
    kept: set[str] = set()
    for record in newest.values():
        line: BuildRecord | None = record
        while line and line.build_id not in kept:
            kept.add(line.build_id)
            line = by_id.get(line.parent)
    return kept


def half_builds(store: Store) -> Iterator[Doomed]:
    """Yield what lies where builds lie and has no record: a removal or a publication that was interrupted a day ago."""
    parts = [(key.split("/"), key) for key in store.keys("agents/")]
    whole = {(part[1], part[2]) for part, _ in parts if len(part) == 4 and part[3] == _RECORD}
    found: dict[tuple[str, str], list[str]] = {}
    for part, key in parts:
        is_build = len(part) >= 4 and re.fullmatch(ID, part[2]) and re.match(r"\d{8}-\d{6}-", part[2])
        if is_build and (part[1], part[2]) not in whole and _begun_before(part[2], _DAY):
            found.setdefault((part[1], part[2]), []).append(key)
    for (agent, build_id), keys in found.items():
        yield Doomed("rest", f"{agent}/{build_id}", "no record, a day old", 0, _removes_keys(store, keys))


def kept_results(store: Store) -> Iterator[Doomed]:
    """Yield what is kept between builds: a later build makes it again, at its price."""
    for kind in _KEPT_RESULTS:
        keys = store.keys(f"{kind}/")
        if keys:
            yield Doomed(
                "results", kind, f"{len(keys)} kept results, made again when needed", 0, _removes_keys(store, keys)
            )


def unused_environments(home: Path, used: set[str]) -> Iterator[Doomed]:
    """Yield the environments of this machine that no build in the store names, and that nobody used for a week."""
    for folder in sorted((home / "environments").glob("*")):
        with suppress(OSError):
            recent = time.time() - folder.stat().st_mtime < 7 * _DAY
            if (
                folder.is_dir()
                and not recent
                and not any(digest.startswith(folder.name.partition("-")[0]) for digest in used if digest)
            ):
                yield Doomed(
                    "environment", folder.name, "no build in the store names it", _disk(folder), _rmtree(folder)
                )


def _begun_before(build_id: str, seconds: float) -> bool:
    with suppress(ValueError):
        began = datetime.strptime(build_id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
        return time.time() - began.timestamp() > seconds
    return False


def _size(store: Store, record: BuildRecord) -> int:
    """Return how large a build is, as far as this store can say without reading it."""
    folder = Path(store.url) / build_prefix(record)
    return _disk(folder) if "://" not in store.url else 0


def _disk(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            found = path.lstat()
            total += found.st_size if found.st_nlink == 1 and path.is_file() else 0
    return total


def _removes(store: Store, record: BuildRecord) -> Callable[[], None]:
    return lambda: remove_build(store, record)


def _removes_keys(store: Store, keys: Sequence[str]) -> Callable[[], None]:
    def remove() -> None:
        for key in keys:
            store.remove(key)

    return remove


def _rmtree(folder: Path) -> Callable[[], None]:
    return lambda: shutil.rmtree(folder, ignore_errors=True)
