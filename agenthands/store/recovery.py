"""What a build whose process was killed had spent: the next build on its machine puts it into the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agenthands._util.atomic_files import write_atomic
from agenthands._util.redaction import redact_json, without_user
from agenthands.errors import AgentHandsError
from agenthands.llm.budget import Budget, BudgetTracker, read_spending_log
from agenthands.schemas import BuildRecord, Plan
from agenthands.store.base import Store
from agenthands.store.builds import publish_build
from agenthands.store.recorder import spent
from agenthands.store.workdirs import PLAN, SPENDING_LOG

REASON = (
    "its worker was killed or interrupted, its machine went down, or its store was away at the end; "
    "run it again: what was finished is used again"
)
_BEGUN = "begun.json"


class _Begun(BaseModel):
    """A build as it begins: its record, if nothing more is heard of it, and its store, without a password."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    store: str
    record: BuildRecord


def note_begun(folder: Path, record: BuildRecord, store_url: str) -> None:
    """Note in a build's folder, without keys, what its record is if the process dies, and where it belongs."""
    record = BuildRecord.model_validate(redact_json(record.model_dump(mode="json")))
    write_atomic(folder / _BEGUN, _Begun(store=without_user(store_url), record=record).model_dump_json())


class CrashRecovery:
    """Publishes the records of killed builds, each in its own store."""

    def __init__(self, open_store: Callable[[str], Store]) -> None:
        """`open_store` opens a store by its URL without a password. One that is away is not asked for each build."""
        self._open_store = open_store
        self._away: dict[str, AgentHandsError] = {}

    def __call__(self, folder: Path) -> None:
        """Publish what the dead build of this folder had spent; the caller sees to it that nobody does so beside it.

        Nothing where it had spent nothing, where nobody noted what it was, or where a record of it is there already.
        Raises AgentHandsError, or OSError where the folder cannot be read.
        """
        begun, noted = _begun(folder), read_spending_log(folder / SPENDING_LOG)
        if begun is None or not noted:
            return
        if error := self._away.get(begun.store):
            raise error
        plan = _plan(folder)
        tracker = BudgetTracker(Budget())
        tracker.charge(*noted)
        # nothing here may differ from one try to the next: files of an earlier one may be there
        seconds = (folder / SPENDING_LOG).stat().st_mtime - (folder / _BEGUN).stat().st_mtime
        last = {"plan": plan, "seconds": round(max(0.0, seconds), 3), **spent(tracker.spending)}
        files = {PLAN: (folder / PLAN).read_bytes()} if plan else {}
        try:
            publish_build(begun.record.model_copy(update=last), files, self._open_store(begun.store), replaces=False)
        except AgentHandsError as error:
            self._away[begun.store] = error
            raise


def _begun(folder: Path) -> _Begun | None:
    try:
        return _Begun.model_validate_json((folder / _BEGUN).read_bytes())
    except (FileNotFoundError, ValueError):  # it died while it was made, or is of another version
        return None


def _plan(folder: Path) -> Plan | None:
    try:
        return Plan.model_validate_json((folder / PLAN).read_bytes())
    except (FileNotFoundError, ValueError):  # it had none yet, or died while it was written
        return None
