"""Progress in a terminal: listeners for `agenthands.events`, live for people, one line an event for logs.

Whatever a model or a user wrote is shown as plain text: it is no markup and carries no terminal sequences.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from agenthands._util.formatting import cut, duration, money, one_line
from agenthands.cli.live_view import STAGE_DOES, Line, LiveView, style_for
from agenthands.events import (
    BatchProgress,
    BatchStarted,
    BuildFinished,
    BuildStarted,
    CaseDecided,
    CostChanged,
    Event,
    Notice,
    StageFinished,
    StageStarted,
    ToolProgress,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_FRAMES_A_SECOND = 8
_MAX_WIDTH = 120
_SHOW_CURSOR = b"\x1b[?25h\n"


class _Lines:
    """Writes lines with the time of their event, without colours."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream` for as long as it takes text: a reader that went away never ends a build."""
        self._stream = stream
        self._look = style_for(getattr(stream, "encoding", None))
        self._broken = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def restore(self) -> None:
        """Do nothing: a log has no state to give back."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the stream to somebody else while the context is open."""
        yield

    def _write(self, event: Event, text: str) -> None:
        if self._broken:
            return
        clock = time.strftime("%H:%M:%S", time.localtime(event.at))
        try:
            self._stream.write(self._look.clean(f"{clock} {text}") + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._broken = True


class PlainProgress(_Lines):
    """Writes one line an event: for files, pipes and CI."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream` for as long as it takes text."""
        super().__init__(stream)
        self._builds: set[str] = set()
        self._costs: dict[str, float | None] = {}

    def __call__(self, event: Event) -> None:
        """Write the line of an event."""
        if isinstance(event, CostChanged):  # the next line of a tool or stage says it
            self._costs[event.build_id] = event.cost_usd
            return
        self._builds.add(event.build_id)
        which = f"[{event.build_id}] " if len(self._builds) > 1 else ""
        cost = self._costs.get(event.build_id)
        so_far = f", {money(cost)} so far" if cost and isinstance(event, StageFinished) else ""
        self._write(event, f"{which}{_told(event)}{so_far}")


class LiveProgress:
    """Redraws the state of the builds in place: for people at a terminal."""

    def __init__(
        self,
        stream: TextIO,
        model_name: str = "",
        console: Console | None = None,
        clock: Callable[[], float] = time.time,
        began: float | None = None,
    ) -> None:
        """Draw on `stream`; `model_name` is shown until the first build begins, and the time since `began`.

        rich is imported here.
        """
        from rich.live import Live

        self._console = console or _console_on(stream)
        self._look = style_for(self._console.encoding)
        self._clock = clock
        self._opened = clock() if began is None else began
        self._model = self._look.clean(model_name)
        self._boards: dict[str, LiveView] = {}
        self._closed = False
        self._lock = threading.Lock()
        # Standard output may carry the record (--json), so it must reach its own stream untouched.
        self._live = Live(
            console=self._console,
            get_renderable=self._frame,
            refresh_per_second=_FRAMES_A_SECOND,
            redirect_stdout=False,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        with suppress(OSError, ValueError):
            self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closed = True
            for board in self._boards.values():
                board.close(self._clock())
        with suppress(OSError, ValueError):
            self._live.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to a person while the context is open; the picture stays above what is said."""
        self._live.stop()
        try:
            yield
        finally:
            self._live.start(refresh=True)

    def restore(self) -> None:
        """Return the terminal back at once. For signal handlers: takes no lock and waits for nothing."""
        self._console.quiet = True
        if self._live.is_started:
            os.write(self._console.file.fileno(), _SHOW_CURSOR)

    def __call__(self, event: Event) -> None:
        """Take an event into the picture. A terminal that went away never ends a build."""
        with self._lock:
            said = self._take(event)
        # Outside the lock: rich holds its own lock while it asks for a frame, which needs ours.
        with suppress(OSError, ValueError):
            for line in said:
                self._console.print(_text([line], wrap=True))

    def _take(self, event: Event) -> list[Line]:
        """Note the event, and return the lines that must stay above the picture."""
        if isinstance(event, Notice):
            return [[("note  ", "yellow"), (self._look.clean(event.text), "")]]
        width, now = self._width(), self._clock()
        said: list[Line] = []
        board = self._boards.setdefault(event.build_id, LiveView(self._look, event.at))
        board.take(event)
        # A finished build stays in the picture while it is the only one, else it becomes a line above.
        if len(self._boards) > 1:
            for build_id in [key for key, other in self._boards.items() if other.finished]:
                said.append(self._boards.pop(build_id).summary(width, now))
        return said

    def _frame(self) -> Text:
        width, height, now = self._width(), self._console.height - 1, self._clock()
        with self._lock:
            boards = list(self._boards.values())
            if not boards:
                lines = [] if self._closed else [self._waiting(width, now)]
            elif len(boards) == 1:
                lines = boards[0].lines(width, None if self._closed else height, now)
            else:
                lines = self._many(boards, width, height, now)
        return _text(lines)

    def _width(self) -> int:
        return min(self._console.width, _MAX_WIDTH)

    def _waiting(self, width: int, now: float) -> Line:
        rest = f"{duration(now - self._opened)}  {self._model}"
        return [
            (f"{self._look.spin(now)} ", "cyan"),
            ("AgentHands", "bold"),
            (f"  starting  {cut(rest, max(0, width - 24), self._look.ellipsis)}", "dim"),
        ]

    def _many(self, boards: list[LiveView], width: int, height: int, now: float) -> list[Line]:
        room = len(boards) if self._closed else max(1, height - 2)
        lines: list[Line] = [[("AgentHands", "bold"), (f"  {len(boards)} builds running", "dim")]]
        lines += [board.summary(width, now) for board in boards[:room]]
        if len(boards) > room:
            lines.append([(f"  and {len(boards) - room} more", "dim")])
        return lines


def choose_progress(stream: TextIO, model_name: str = "", began: float | None = None) -> LiveProgress | PlainProgress:
    """Return the live console for a person at a terminal, else the plain one; the command `began` then."""
    terminal = stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb") and not os.environ.get("CI")
    return LiveProgress(stream, model_name, began=began) if terminal else PlainProgress(stream)


def _console_on(stream: TextIO) -> Console:
    from rich.console import Console

    class PatientConsole(Console):
        """Falls silent when its terminal goes away, where rich ends the process and closes standard output."""

        def on_broken_pipe(self) -> None:
            self.quiet = True

    return PatientConsole(file=stream, highlight=False, markup=False, emoji=False)


def _text(lines: list[Line], wrap: bool = False) -> Text:
    from rich.text import Text

    text = Text(no_wrap=not wrap, overflow="fold" if wrap else "crop", end="\n" if wrap else "")
    for number, line in enumerate(lines):
        text.append("\n" if number else "")
        for piece, style in line:
            text.append(piece, style or None)
    return text


def _told(event: Event) -> str:
    match event:
        case BuildStarted():
            models = f"planner {event.planner}, coder {event.coder}"
            request = cut(event.request, 160)
            return f"build {event.build_id} started: {request} ({models}, sandbox {event.sandbox}, store {event.store})"
        case StageStarted():
            does = STAGE_DOES.get(event.stage)
            return f"{event.stage}: started" + (f", {does}" if does else "")
        case StageFinished() if event.error:
            return f"{event.stage}: FAILED after {duration(event.seconds)}: {event.error}"
        case StageFinished():
            return f"{event.stage}: done in {duration(event.seconds)}" + (f", {event.detail}" if event.detail else "")
        case ToolProgress():
            attempt = f", attempt {event.attempt}" if event.attempt else ""
            action = f", {event.action}" if event.action else ""
            return f"tool {event.tool}: {event.state}{attempt}, {money(event.cost_usd)}{action}"
        case CaseDecided():
            called = f", called {', '.join(event.called)}" if event.called else ""
            return f"case {event.case}: {event.outcome.replace('_', ' ')}, {duration(event.seconds)}{called}"
        case Notice():
            return f"note: {event.text}"
        case BuildFinished():
            status = event.status if event.status in ("accepted", "planned") else event.status.upper()
            took = f"{money(event.cost_usd)}, {duration(event.seconds)}"
            return f"build {event.build_id} {status}, {took}: {event.verdict or event.reason}"
    return type(event).__name__


_REQUEST = 60
_REASON = 300


class PlainBatchProgress(_Lines):
    """Listens for builds that end; what happens inside each of them stands in its report."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream` for as long as it takes text."""
        super().__init__(stream)
        self._done = 0

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
