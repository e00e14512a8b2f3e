"""Keeps what was asked of real hosts and what they answered, without keys; requests keep no headers at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from agenthands.outside.forwarding import OutsideCode

MOST_RECORDED = 500
MOST_BODY_BYTES, MOST_BYTES = 2_000_000, 32 * 1024**2
"""Bytes of a body that are kept, and of all bodies together; a longer one is not, and `cut` says so."""
_SETTLED_SECONDS = 5.0


@dataclass(frozen=True)
class Met:
    """A request to a real host and what came. `fault` says why nothing did, `elsewhere` where it was redirected to."""

    method: str
    url: str
    body: bytes
    status: int = 0
    headers: Sequence[tuple[str, str]] = ()
    answer: bytes = b""
    cut: bool = False
    fault: OutsideCode | None = None
    message: str = ""
    elsewhere: str = ""
    at: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))


class Recorder:
    """What was met so far, for several threads at once."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._met: list[Met] = []
        self._left_out = 0
        self._open = self._bytes = 0
        self._lock = threading.Condition()

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Say that a request is under way: whoever asks what was met waits a little for what is to be noted of it."""
        with self._lock:
            self._open += 1
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1
                self._lock.notify_all()

    def note(self, met: Met) -> None:
        """Keep one exchange, if there are not too many yet."""
        with self._lock:
            size = len(met.body) + len(met.answer)
            if self._bytes + size > MOST_BYTES:
                met, size = replace(met, answer=b"", cut=True), len(met.body)
            if len(self._met) < MOST_RECORDED:
                self._met.append(met)
                self._bytes += size
            else:
                self._left_out += 1

    def since(self, number: int) -> list[Met]:
        """Return what was met after the first `number` exchanges.

        A client may have its answer a moment before it is noted here.
        """
        with self._lock:
            self._lock.wait_for(lambda: not self._open, _SETTLED_SECONDS)
            return self._met[number:]

    @property
    def count(self) -> int:
        """How many are kept."""
        return len(self._met)

    @property
    def left_out(self) -> int:
        """How many there were beyond those that are kept."""
        return self._left_out
