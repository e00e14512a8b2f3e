"""Ends everything that a build has started when it is interrupted or cancelled."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import psutil

EXIT_INTERRUPTED = 130
_LAST_WORDS_SECONDS, _INTERRUPTED_SECONDS, _RESTORING_SECONDS, _REMOVING_SECONDS = 8.0, 20.0, 1.0, 10.0
_PR_SET_PDEATHSIG = 1
_Handler = Callable[[int, FrameType | None], object]

_GOES_ON = "Nothing is left running; the same build, started again, goes on where it was."


@contextmanager
def ended_by_interrupt(restore_terminal: Callable[[], None], said: str = _GOES_ON) -> Iterator[None]:
    """On SIGINT or SIGTERM, kill all children at once, print what is `said`, and exit with 130.

    The process exits without waiting for its threads: one may be in a model call that cannot be interrupted.
    """
    restored = threading.Event()

    def restore() -> None:
        with contextlib.suppress(Exception):
            restore_terminal()
        restored.set()

    def end() -> None:
        if not restored.wait(_RESTORING_SECONDS):
            restore()
        end_everything()
        sys.stderr.write(f"Interrupted. {said}\n")
        sys.stderr.flush()

    begin = _begun_once(end, _INTERRUPTED_SECONDS)

    def stop(_number: int, _frame: FrameType | None) -> None:
        begin()
        restore()  # here, because this thread may hold the terminal's lock
        threading.Event().wait()  # nothing more is to be said, or done

    with _handled((signal.SIGINT, signal.SIGTERM), stop, begin):
        yield


@contextmanager
def cancelled_by_signal(last_words: Callable[[], object]) -> Iterator[None]:
    """On SIGTERM, with which Prefect cancels a run, kill all children, call `last_words`, and exit with 130.

    Prefect's own handler raises in the main thread, which then waits for threads in model calls, until it is killed
    half a minute later. Outside the main thread this does nothing: the signal is handled by the flow run for which the
    process was started.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A script has started the worker in the background; still, an agent's Ctrl-C in its terminal must work.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def end() -> None:
        with contextlib.suppress(Exception):
            end_everything()
        with contextlib.suppress(Exception):
            last_words()
        sys.stderr.write(f"Cancelled. {_GOES_ON}\n")
        sys.stderr.flush()

    begin = _begun_once(end, _LAST_WORDS_SECONDS)

    def stop(_number: int, _frame: FrameType | None) -> None:
        begin()  # this thread goes on: it may hold any lock now

    with _handled((signal.SIGTERM,), stop, begin):
        yield


def _begun_once(end: Callable[[], None], seconds: float) -> Callable[[], None]:
    """Return what has a thread call `end`, the first time, and exit with 130, after `seconds` at the latest."""
    first = threading.Lock()

    def ended() -> None:
        with contextlib.suppress(Exception):
            end()
        exit_at_once(EXIT_INTERRUPTED)

    def bounded() -> None:
        time.sleep(seconds)  # for a store that hangs, and for a lock that nobody gives back
        exit_at_once(EXIT_INTERRUPTED)

    def begin() -> None:
        if first.acquire(blocking=False):
            try:
                for each in (bounded, ended):
                    threading.Thread(target=each, daemon=True).start()
            except RuntimeError:  # the machine has no thread left for us
                os._exit(EXIT_INTERRUPTED)

    return begin


_begins: list[tuple[_Handler, Callable[[], None]]] = []  # our handlers, and what they begin


@contextmanager
def _handled(numbers: Sequence[signal.Signals], stop: _Handler, begin: Callable[[], None]) -> Iterator[None]:
    """Handle these signals with `stop`, which calls `begin`; it is called even where the main thread cannot.

    Python has the main thread run a handler, between two instructions. While that waits in C code there is none, and a
    signal that comes just before it begins to wait does not wake it. So a thread also reads which signals have come.
    """
    _begins.append((stop, begin))
    waker = signal.set_wakeup_fd(_waker().fileno(), warn_on_full_buffer=False)
    before = {each: signal.signal(each, stop) for each in numbers}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        signal.set_wakeup_fd(waker)
        _begins.remove((stop, begin))


@functools.cache
def _waker() -> socket.socket:
    """Return a socket that never blocks; a thread reads from its other end the number of each signal that comes."""
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    threading.Thread(target=_begin_what_comes, args=(reading,), daemon=True).start()
    return writing


def _begin_what_comes(reading: socket.socket) -> None:
    while numbers := reading.recv(64):
        for number in numbers:
            handler = signal.getsignal(number)
            for stop, begin in list(_begins):
                if stop is handler:
                    begin()


def end_everything() -> None:
    """Kill all descendants until there are none: sandboxes, shells, installers, Prefect's embedded server.

    Processes in a sandbox end with it (bwrap --die-with-parent). Threads may still start new ones, hence the loop.
    """
    if "agenthands.sandbox.subprocesses" in sys.modules:
        from agenthands.sandbox.subprocesses import end_all_processes

        end_all_processes()
    for _ in range(50):
        children = [child for child in psutil.Process().children(recursive=True) if _alive(child)]
        if not children:
            break
        for child in children:
            with contextlib.suppress(psutil.Error):
                child.kill()
        time.sleep(0.05)


def exit_at_once(code: int) -> NoReturn:
    """Exit without waiting for threads; remove temporary files last, because threads may still create some."""
    try:
        if "agenthands.store.workdirs" in sys.modules:
            from agenthands.store.workdirs import leave_scratch

            removing = threading.Thread(target=leave_scratch, daemon=True)
            removing.start()
            removing.join(_REMOVING_SECONDS)
    finally:
        os._exit(code)


def wait_if_ending() -> None:
    """If this process is ending, block until it has: failures that this causes must not be reported or published."""
    if "agenthands.sandbox.subprocesses" in sys.modules:
        from agenthands.sandbox.subprocesses import is_ending

        if is_ending():
            threading.Event().wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


# For `preexec_fn`: the kernel kills the child when the thread that started it ends, even if it is killed. That must be
# the main thread, so that the child ends with this process.
DIE_WITH_PARENT = _die_with_parent if sys.platform == "linux" else None


def _alive(child: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(child.status() != psutil.STATUS_ZOMBIE)
    return False
