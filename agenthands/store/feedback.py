"""Keeps what users said of an agent's answers, and what became of it: appended, never changed.

agents/<agent>/feedback/<id>.json            what was said
agents/<agent>/feedback-accepted/<id>.json   that it was accepted, with the correction
agents/<agent>/feedback-fixed/<id>.json      the revision that answered it
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator

from pydantic import BaseModel, ValidationError

from agenthands._util.redaction import redact_json
from agenthands._util.untrusted_json import read_json
from agenthands.errors import RequestInvalid, StoreNotUsable
from agenthands.schemas import BuildRecord
from agenthands.schemas.feedback import (
    FEEDBACK_ID,
    Correction,
    Feedback,
    FeedbackAccepted,
    FeedbackEntry,
    FeedbackFixed,
)
from agenthands.store.base import Store
from agenthands.store.builds import agent_name, all_records

_MOST_BYTES = 16 * 1024**2
_SAID, _ACCEPTED, _FIXED = "feedback", "feedback-accepted", "feedback-fixed"
_Broken = Callable[[StoreNotUsable], object]


def feedback_id(now: float) -> str:
    """Return a new id; ids sort by time, which is in seconds since the epoch."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{secrets.token_hex(3)}"


def add_feedback(store: Store, feedback: Feedback) -> Feedback:
    """Keep a feedback, without keys, and return it as it is kept. Raises StoreNotUsable or StoreUnavailable."""
    kept = Feedback.model_validate(redact_json(feedback.model_dump(mode="json")))
    store.create(_key(kept.agent, _SAID, kept.id), kept.model_dump_json(indent=1).encode())
    return kept


def feedback_of(store: Store, agent: str, broken: _Broken | None = None) -> Iterator[Feedback]:
    """Yield what was said of an agent, the oldest first; of what cannot be read, `broken` is told."""
    for key in store.keys(f"agents/{agent}/{_SAID}/"):
        try:
            if found := _read(store, key, Feedback):
                yield found
        except StoreNotUsable as error:
            if broken:
                broken(error)


def entries_of(store: Store, agent: str, broken: _Broken | None = None) -> list[FeedbackEntry]:
    """Return what was said of an agent with what became of it, the oldest first."""
    accepted, fixed = (_ids(store, agent, kind) for kind in (_ACCEPTED, _FIXED))
    return [
        FeedbackEntry(
            feedback=each,
            acceptance=_read(store, _key(agent, _ACCEPTED, each.id), FeedbackAccepted) if each.id in accepted else None,
            fix=_read(store, _key(agent, _FIXED, each.id), FeedbackFixed) if each.id in fixed else None,
        )
        for each in feedback_of(store, agent, broken)
    ]


def find_feedback(store: Store, name: str) -> FeedbackEntry:
    """Return a feedback on any agent by its id or an unambiguous beginning of it. Raises StoreNotUsable."""
    parts = [key.split("/") for key in store.keys("agents/")]
    found = [
        (part[1], part[3].removesuffix(".json"))
        for part in parts
        if len(part) == 4 and part[2] == _SAID and part[3].startswith(name) and name
    ]
    if len(found) != 1:
        said = f"{name!r} begins {len(found)} notes" if found else f"There is no feedback {name!r} in {store.url}"
        raise StoreNotUsable(f"{said}.", "`agenthands feedback list` shows all.")
    agent, wanted = found[0]
    return next(each for each in entries_of(store, agent) if each.feedback.id == wanted)


def accept_feedback(store: Store, entry: FeedbackEntry, correction: Correction) -> FeedbackEntry:
    """Note that the next revision must answer a feedback, and return it so.

    Raises RequestInvalid where that was decided before, StoreNotUsable or StoreUnavailable.
    """
    acceptance = FeedbackAccepted(at=_now(), correction=Correction.model_validate(redact_json(correction.model_dump())))
    said = entry.feedback
    if not store.create(_key(said.agent, _ACCEPTED, said.id), acceptance.model_dump_json(indent=1).encode()):
        raise RequestInvalid(f"The feedback {said.id} is accepted already.", "Give feedback anew to correct it.")
    return entry.model_copy(update={"acceptance": acceptance})


def with_arguments(said: Feedback, correction: Correction) -> Correction:
    """Return a correction of a tool's result with the arguments of the agent's last call of it, if it has none.

    Raises RequestInvalid where the agent did not call the tool.
    """
    if not correction.tool or correction.arguments:
        return correction
    made = [call for call in said.calls if call.get("name") == correction.tool]
    if not made or not isinstance(made[-1].get("arguments"), dict):
        raise RequestInvalid(
            f"The agent did not call {correction.tool} with arguments that can be read.", "Give them: --arguments JSON."
        )
    return correction.model_copy(update={"arguments": made[-1]["arguments"]})


def agents_with_feedback(store: Store) -> list[str]:
    """Return the names of the agents of which users said something."""
    parts = [key.split("/") for key in store.keys("agents/")]
    return sorted({part[1] for part in parts if len(part) == 4 and part[2] == _SAID})


def note_fixed(store: Store, record: BuildRecord) -> None:
    """Note that an accepted revision has answered its feedback. Raises StoreNotUsable or StoreUnavailable."""
    if record.status != "accepted":
        return
    fix = FeedbackFixed(at=_now(), build_id=record.build_id, revision=record.revision)
    for name in record.feedback:
        if re.fullmatch(FEEDBACK_ID, name):
            store.create(_key(agent_name(record), _FIXED, name), fix.model_dump_json(indent=1).encode())


def settle_feedback(store: Store, agent: str) -> None:
    """Note what accepted revisions have answered and did not come to note: they were killed, or the store went away."""
    accepted, fixed = (_ids(store, agent, kind) for kind in (_ACCEPTED, _FIXED))
    if accepted - fixed:
        for record in all_records(store):
            if agent_name(record) == agent:
                note_fixed(store, record)


def _ids(store: Store, agent: str, kind: str) -> set[str]:
    return {key.rpartition("/")[2].removesuffix(".json") for key in store.keys(f"agents/{agent}/{kind}/")}


def _read[M: BaseModel](store: Store, key: str, kind: type[M]) -> M | None:
    """Return what lies at a key; None where it has gone. Raises StoreNotUsable where it is something else."""
    try:
        content = store.get(key)
        if len(content) > _MOST_BYTES:
            raise ValueError("it is too long")
        return kind.model_validate(read_json(content))
    except KeyError:
        return None
    except (ValueError, ValidationError):
        raise StoreNotUsable(f"{key!r} in {store.url} is no feedback.", "Remove it.") from None


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _key(agent: str, kind: str, name: str) -> str:
    return f"agents/{agent}/{kind}/{name}.json"
