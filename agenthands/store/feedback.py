"""Keeps what users said of an agent's answers, at `agents/<agent>/feedback/<id>.json`: appended, never changed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator

from pydantic import ValidationError

from agenthands._util.redaction import redact_json
from agenthands._util.untrusted_json import read_json
from agenthands.errors import StoreNotUsable
from agenthands.schemas.feedback import Feedback
from agenthands.store.base import Store

_MOST_BYTES = 16 * 1024**2


def feedback_id(now: float) -> str:
    """Return a new id; ids sort by time, which is in seconds since the epoch."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{secrets.token_hex(3)}"


def add_feedback(store: Store, feedback: Feedback) -> Feedback:
    """Keep a feedback, without keys, and return it as it is kept. Raises StoreNotUsable or StoreUnavailable."""
    kept = Feedback.model_validate(redact_json(feedback.model_dump(mode="json")))
    store.create(_key(kept.agent, kept.id), kept.model_dump_json(indent=1).encode())
    return kept


def feedback_of(
    store: Store, agent: str, broken: Callable[[StoreNotUsable], object] | None = None
) -> Iterator[Feedback]:
    """Yield what was said of an agent, the oldest first; of what cannot be read, `broken` is told."""
    for key in store.keys(f"agents/{agent}/feedback/"):
        try:
            content = store.get(key)
            if len(content) > _MOST_BYTES:
                raise ValueError("it is too long")
            yield Feedback.model_validate(read_json(content))
        except KeyError:
            continue
        except (ValueError, ValidationError):
            if broken:
                broken(StoreNotUsable(f"{key!r} in {store.url} is no feedback.", "Remove it."))


def _key(agent: str, name: str) -> str:
    return f"agents/{agent}/feedback/{name}.json"
