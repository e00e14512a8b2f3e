"""Ends everything that a build has started when it is interrupted or cancelled."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import psutil

EXIT_INTERRUPTED = 130
_LAST_WORDS_SECONDS = 8.0
_PR_SET_PDEATHSIG = 1


_GOES_ON = "Nothing is left running; the same build, started again, goes on where it was."


@contextmanager
def ended_by_interrupt(restore_terminal: Callable[[], None], said: str = _GOES_ON) -> Iterator[None]:
    """On SIGINT or SIGTERM, kill all children at once, print what is `said`, and exit with 130.

    The process exits without waiting for its threads: one may be in a model call that cannot be interrupted.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        with contextlib.suppress(Exception):
            restore_terminal()
        end_everything()
        sys.stderr.write(f"Interrupted. {said}\n")
        sys.stderr.flush()
        exit_at_once(EXIT_INTERRUPTED)

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


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
        end_everything()
        with contextlib.suppress(Exception):
            last_words()
        sys.stderr.write(f"Cancelled. {_GOES_ON}\n")
        exit_at_once(EXIT_INTERRUPTED)

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        # in threads, because the main thread may hold any lock now; the timer is for a store that hangs
        threading.Thread(target=end, daemon=True).start()
        threading.Timer(_LAST_WORDS_SECONDS, exit_at_once, (EXIT_INTERRUPTED,)).start()

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
    if "agenthands.store.workdirs" in sys.modules:
        from agenthands.store.workdirs import leave_scratch

        leave_scratch()
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
