"""Runs child processes with limits on time and output, and tracks them so that an interrupted build leaves none."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from agenthands.sandbox.base import CommandResult, EndedBy

_TICK = 0.1
_running: set[subprocess.Popen[bytes]] = set()
_enders: set[Callable[[], object]] = set()
_lock = threading.Lock()
_ending = threading.Event()


class Watch(Protocol):
    """Watches further limits of a running process, beside its time and output."""

    def exceeded(self, pid: int) -> EndedBy | None:
        """Return the limit that the process and its children exceed, if any; this is called often."""

    def cause(self) -> EndedBy | None:
        """Return the limit that made a command fail, if any, after its end."""


class Deputy(Protocol):
    """Uses the standard streams in place of the process, which only waits."""

    @property
    def inherited(self) -> int:
        """A file descriptor that the process inherits."""

    def begin(self, streams: Sequence[int]) -> None:
        """Take over the inner ends of standard input, output and error, once the process has started."""


def run_process(  # noqa: PLR0913 - all but the first are optional limits or context
    argv: Sequence[str | Path],
    *,
    seconds: float,
    stdin: bytes = b"",
    output_bytes: int = 1024**2,
    variables: Mapping[str, str] | None = None,
    folder: Path | None = None,
    watch: Watch | None = None,
    deputy: Deputy | None = None,
    held: Sequence[int] = (),
) -> CommandResult:
    """Run a command in its own session; at the time limit its whole process group is killed.

    Output beyond `output_bytes` for each stream is discarded. A limit that `watch` returns ends the command. With a
    `deputy`, the command itself has only standard error. It inherits the file descriptors `held`. Raises OSError if the
    command cannot start, or if this process is ending.
    """
    started = time.monotonic()
    pipes = _Pipes(stdin, output_bytes)
    try:
        process = subprocess.Popen(
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL if deputy else pipes.inside[0],
            stdout=subprocess.DEVNULL if deputy else pipes.inside[1],
            stderr=pipes.inside[2],
            env=dict(variables) if variables is not None else None,
            cwd=folder,
            start_new_session=True,
            pass_fds=[*held, *([deputy.inherited] if deputy else [])],
        )
    except BaseException:
        pipes.close()
        raise
    with _lock:
        _running.add(process)
    try:
        if _ending.is_set():
            kill_group(process.pid)
        if deputy:
            deputy.begin(pipes.hand_over())
        else:
            pipes.close_inside()
        ended = _wait(process, pipes, started + seconds, watch)
    finally:
        kill_group(process.pid)
        process.wait()
        pipes.close()
        with _lock:
            _running.discard(process)
    fail_if_ending()
    return CommandResult(
        exit_code=None if ended == "time" else process.returncode,
        stdout=pipes.outputs[0],
        stderr=pipes.outputs[1],
        seconds=round(time.monotonic() - started, 3),
        truncated=pipes.truncated,
        ended_by=ended,
    )


def end_all_processes() -> None:
    """Kill every process that `run_process` has started or still starts, and call what `ended_with_all` registered."""
    _ending.set()
    with _lock:
        for process in _running:
            kill_group(process.pid)
        enders = list(_enders)
    for end in enders:
        with contextlib.suppress(Exception):
            end()


def is_ending() -> bool:
    """Return whether `end_all_processes` was called."""
    return _ending.is_set()


def fail_if_ending() -> None:
    """Raise OSError if this process is ending: the end of a command then says nothing about the command."""
    if is_ending():
        raise OSError("this process is ending")


@contextlib.contextmanager
def ended_with_all(end: Callable[[], object]) -> Iterator[None]:
    """While the context is open, have `end_all_processes` call `end`, for what no process group contains."""
    with _lock:
        _enders.add(end)
    try:
        yield
    finally:
        with _lock:
            _enders.discard(end)


def kill_group(pid: int) -> None:
    """Kill the process group that `pid` leads; do nothing if it has ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _wait(process: subprocess.Popen[bytes], pipes: _Pipes, deadline: float, watch: Watch | None) -> EndedBy | None:
    """Wait until the process ends or a limit is reached, and return that limit; None if it ended by itself."""
    tick = _TICK if watch else 0.5
    while (remaining := deadline - time.monotonic()) > 0:
        if watch and (exceeded := watch.exceeded(process.pid)):
            return exceeded
        if pipes.open:
            pipes.turn(min(remaining, tick))
            if process.poll() is not None and not pipes.waiting():
                break  # a remaining child holds the pipe open; the command itself has ended
            continue
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(remaining, tick))
            break
    if process.poll() is None:
        return "time"
    return watch.cause() if watch and process.returncode else None


class _Pipes:
    """The three pipes of a process: writes to one, and keeps at most `limit` bytes from each of the others."""

    def __init__(self, stdin: bytes, limit: int) -> None:
        (reading, self._feeding), *outputs = (os.pipe() for _ in range(3))
        self.inside: tuple[int, ...] = (reading, *(writing for _, writing in outputs))
        self._buffers = {descriptor: bytearray() for descriptor, _ in outputs}
        self._outside = {self._feeding, *self._buffers}
        self._pending = memoryview(stdin)
        self._limit = limit
        self.truncated = False
        self._selector = selectors.DefaultSelector()
        for descriptor in self._buffers:
            self._selector.register(descriptor, selectors.EVENT_READ)
        os.set_blocking(self._feeding, False)
        if self._pending:
            self._selector.register(self._feeding, selectors.EVENT_WRITE)
        else:
            self._end_feeding()

    def hand_over(self) -> tuple[int, ...]:
        """Return the inner ends; the caller closes them."""
        streams, self.inside = self.inside, ()
        return streams

    def close_inside(self) -> None:
        """Close the inner ends in this process: the child has them."""
        for descriptor in self.hand_over():
            os.close(descriptor)

    @property
    def open(self) -> bool:
        """Whether anything is left to write or to read."""
        return bool(self._selector.get_map())

    @property
    def outputs(self) -> tuple[bytes, ...]:
        """What was read from standard output and standard error."""
        return tuple(bytes(buffer) for buffer in self._buffers.values())

    def waiting(self) -> bool:
        """Return whether something can be read or written now."""
        return bool(self._selector.select(0.05))

    def turn(self, seconds: float) -> None:
        """Read and write what is ready, waiting at most `seconds` for it."""
        for key, _ in self._selector.select(seconds):
            if key.fd not in self._buffers:
                self._feed()
                continue
            chunk = os.read(key.fd, 65536)
            if not chunk:
                self._selector.unregister(key.fd)
            room = self._limit - len(self._buffers[key.fd])
            self.truncated = self.truncated or len(chunk) > room
            self._buffers[key.fd] += chunk[: max(0, room)]

    def close(self) -> None:
        """Close everything that is still open."""
        self._selector.close()
        self.close_inside()
        for descriptor in self._outside:
            os.close(descriptor)
        self._outside = set()

    def _feed(self) -> None:
        try:
            self._pending = self._pending[os.write(self._feeding, self._pending[:65536]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._pending = self._pending[:0]
        if not self._pending:
            self._selector.unregister(self._feeding)
            self._end_feeding()

    def _end_feeding(self) -> None:
        self._outside.remove(self._feeding)
        os.close(self._feeding)
