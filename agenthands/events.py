"""Progress of builds, as typed events for whoever listens: a terminal, a log file, an artifact.

Listeners belong to the process, like loggers: a build runs in threads of one process, and a flow parameter cannot be a
callable.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from agenthands._util.redaction import redact

ToolState = Literal["waiting", "coding", "checking", "repairing", "accepted", "rejected", "failed"]


@dataclass(frozen=True)
class Event:
    """Base of all events: the id of the build, and the time in seconds since the epoch."""

    build_id: str
    at: float = field(default_factory=time.time, kw_only=True)

    def as_json(self) -> dict[str, Any]:
        """Return the event as a JSON-able mapping, with the name of its class as `kind`."""
        return {"kind": type(self).__name__, **asdict(self)}


@dataclass(frozen=True)
class BuildStarted(Event):
    """A build begins."""

    request: str
    planner: str
    coder: str
    sandbox: str
    store: str
    began: float = 0.0
    """When the command began, in seconds since the epoch; 0 where that is not told: then it began with this event."""


@dataclass(frozen=True)
class StageStarted(Event):
    """A stage begins."""

    stage: str


@dataclass(frozen=True)
class StageFinished(Event):
    """A stage ended; `error` is empty if it succeeded."""

    stage: str
    seconds: float
    detail: str = ""
    error: str = ""


@dataclass(frozen=True)
class ToolProgress(Event):
    """The progress of one tool. `cost_usd` is its cost so far; None if the price is unknown."""

    tool: str
    state: ToolState
    action: str
    attempt: int
    cost_usd: float | None = 0.0


@dataclass(frozen=True)
class CaseDecided(Event):
    """A test case of the agent was decided: how it ended, and what the agent called for it."""

    case: str
    outcome: Literal["passed", "failed", "not_tried"]
    seconds: float
    called: tuple[str, ...] = ()
    """Names of tools and colleagues, in the order of the calls."""


@dataclass(frozen=True)
class CostChanged(Event):
    """What all models of the build cost so far; None where a price is unknown."""

    cost_usd: float | None


@dataclass(frozen=True)
class Notice(Event):
    """A message that a person should read."""

    text: str


@dataclass(frozen=True)
class BuildFinished(Event):
    """A build ended with the status of its record; that of a plan alone is `planned`.

    `verdict` says how it ended in a sentence; cost and seconds are those of the record.
    """

    status: str
    reason: str
    verdict: str = ""
    cost_usd: float | None = None
    seconds: float = 0.0
    reason_code: str = ""


@dataclass(frozen=True)
class BatchStarted(Event):
    """A batch of builds begins; `build_id` is the id of the batch."""

    count: int


@dataclass(frozen=True)
class BatchProgress(Event):
    """One build of a batch ended: the request's number of how many, and the result."""

    number: int
    count: int
    request: str
    status: str
    reason: str
    built: str
    cached: bool
    cost_usd: float | None
    seconds: float


Listener = Callable[[Event], None]

_listeners: list[Listener] = []
_lock = threading.Lock()


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Deliver all events of this process to `listener` while the context is open."""
    with _lock:
        _listeners.append(listener)
    try:
        yield
    finally:
        with _lock:
            _listeners.remove(listener)


def emit(event: Event) -> None:
    """Deliver an event, redacted, to every listener, one event at a time."""
    hidden: dict[str, Any] = {name: redact(value) for name, value in vars(event).items() if isinstance(value, str)}
    event = replace(event, **hidden)
    with _lock:
        for listener in _listeners:
            listener(event)


class StageNote:
    """Holds the result of a stage in a few words, which the stage sets."""

    detail = ""


@contextmanager
def stage(build_id: str, name: str) -> Iterator[StageNote]:
    """Emit the beginning and the end of a stage, with its duration, even if it fails."""
    started = time.monotonic()
    emit(StageStarted(build_id, name))
    note = StageNote()
    error = ""
    try:
        yield note
    except BaseException as problem:
        error = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise
    finally:
        emit(StageFinished(build_id, name, round(time.monotonic() - started, 3), note.detail, error))
