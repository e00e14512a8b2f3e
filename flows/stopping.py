"""Ends everything that a build has started when the user interrupts it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import psutil

EXIT_INTERRUPTED = 130


@contextmanager
def ended_by_interrupt(restore_terminal: Callable[[], None]) -> Iterator[None]:
    """On SIGINT or SIGTERM end all children at once and leave with 130.

    The process leaves without waiting for its threads: one may sit in a model call that nothing can interrupt.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        with contextlib.suppress(Exception):
            restore_terminal()
        end_everything()
        sys.stderr.write("Interrupted. Nothing is left running; nothing of this build was published.\n")
        sys.stderr.flush()
        os._exit(EXIT_INTERRUPTED)

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def end_everything() -> None:
    """Kill all descendants until there are none: sandboxes, shells, installers, Prefect's embedded server.

    What runs in a sandbox ends with it (bwrap --die-with-parent). Threads may still start something: look again.
    """
    if "agenthands.adapters.processes" in sys.modules:
        from agenthands.adapters.processes import end_all_processes

        end_all_processes()
    for _ in range(50):
        children = [child for child in psutil.Process().children(recursive=True) if _alive(child)]
        if not children:
            return
        for child in children:
            with contextlib.suppress(psutil.Error):
                child.kill()
        time.sleep(0.05)


def _alive(child: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(child.status() != psutil.STATUS_ZOMBIE)
    return False
