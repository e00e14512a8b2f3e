"""Progress of a batch: one line a build that ended, the same for people and for logs."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Self, TextIO

from agenthands.adapters.console_board import look_for
from agenthands.events import BatchProgress, BatchStarted, Event
from agenthands.wording import cut, duration, money, one_line

_REQUEST = 60
_REASON = 300


class BatchConsole:
    """Listens for builds that end; what happens inside each of them stands in its report."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream` for as long as it takes text."""
        self._stream = stream
        self._look = look_for(getattr(stream, "encoding", None))
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def restore(self) -> None:
        """Do nothing: the terminal is as it was."""

    def __call__(self, event: Event) -> None:
        """Write the line of an event, if it is one of the batch."""
        if isinstance(event, BatchStarted):
            self._write(event, f"batch {event.build_id}: {event.count} builds")
        elif isinstance(event, BatchProgress):
            self._done += 1
            cost = "built before" if event.cached else f"{money(event.cost_usd)}, {duration(event.seconds)}"
            why = f": {one_line(event.reason, _REASON)}" if event.reason else ""
            request = cut(one_line(event.request), _REQUEST)
            self._write(event, f"{self._done}/{event.count} {event.status} ({cost}) #{event.number} {request}{why}")

    def _write(self, event: Event, text: str) -> None:
        clock = time.strftime("%H:%M:%S", time.localtime(event.at))
        with suppress(OSError, ValueError):  # a reader that went away never ends a batch
            self._stream.write(self._look.clean(f"{clock} {text}") + "\n")
            self._stream.flush()
