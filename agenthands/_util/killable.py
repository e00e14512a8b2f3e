"""Calls a function where it can be killed: in a process of its own, within a bound of CPU time and of memory.

For what works on a model's or a server's words and may never end: schemas, patterns, values made from schemas. A thread
that is inside a regular expression or a comparison of numbers cannot be interrupted; a process can.

    killable("agenthands._util.schema_rules:misfits", value, schema)
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

_SCRIPT = Path(__file__).parent / "killable_script.py"
_KEPT = 2  # processes that wait for the next call; each has about 30 MB, and ends by itself when nobody asks
_MOST_WALL_SECONDS = 120.0  # beyond the CPU seconds: on a busy machine, a process of ours may wait long for its turn
_BLOCK = 1024**2


class UnfinishedError(Exception):
    """A call was ended because it took more than its bounds; the text says which."""


class _Gone(Exception):
    """The process had ended already when it was asked."""


def killable(function: str, *arguments: Any, cpu_seconds: float = 2.0) -> Any:
    """Return what a function returns, which is called in another process.

    `function` is written "module:name" and is one of ours, never a model's word. `arguments` and the result are JSON
    values; the process imports the module when it first needs it, which does not count, and is used again for the next
    calls. What the function prints is lost. Raises UnfinishedError where it takes more than `cpu_seconds` of CPU time
    or 2 GiB of memory, or crashes, and RuntimeError with its text where it raises anything.
    """
    head = json.dumps({"function": function, "cpu_seconds": cpu_seconds})
    try:
        lines = f"{head}\n{json.dumps(arguments)}\n".encode()
    except RecursionError:
        raise UnfinishedError("it is nested too deeply") from None
    except ValueError:  # Python writes no longer integers than of 4,300 digits
        raise UnfinishedError("it holds a number with thousands of digits") from None
    answer = _asked(lines, cpu_seconds)
    if "raised" in answer:
        raise RuntimeError(answer["raised"])
    if "unfinished" in answer:
        raise UnfinishedError(answer["unfinished"])
    return answer["result"]


class _Process:
    """The other process, which answers one call after the other."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath},  # none of the user's keys
            cwd="/",
            start_new_session=True,  # Ctrl-C is for us; it ends when its input does
        )
        assert self._process.stdin
        assert self._process.stdout
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        self._used = False

    def ask(self, lines: bytes, cpu_seconds: float) -> dict[str, Any]:
        """Return the answer. Raises UnfinishedError where it was killed, _Gone where it had ended before."""
        first, self._used = not self._used, True
        if first:
            lines = json.dumps([str(Path(each).absolute()) for each in sys.path if each]).encode() + b"\n" + lines
        deadline = time.monotonic() + cpu_seconds + _MOST_WALL_SECONDS
        said = self._exchange(lines, deadline)
        if said.endswith(b"\n"):
            return dict(json.loads(said))
        late = time.monotonic() >= deadline
        code = self.end()
        if code == -signal.SIGPROF:
            raise UnfinishedError(f"it takes more than {cpu_seconds:g} s")
        if code == -signal.SIGALRM or (code == -signal.SIGKILL and not late):
            raise _Gone  # nobody had asked for long, or somebody else killed it
        raise UnfinishedError("it takes too much memory or time")

    def _exchange(self, lines: bytes, deadline: float) -> bytes:
        """Write lines and return what is answered: one line, or less of it where the process ended meanwhile."""
        left, said = memoryview(lines), bytearray()
        while not said.endswith(b"\n"):
            seconds = max(0.0, deadline - time.monotonic())
            readable, writable, _ = select.select([self._out], [self._in] if left else [], [], seconds)
            if not (readable or writable):
                break
            if writable:
                with contextlib.suppress(BrokenPipeError):
                    left = left[os.write(self._in, left[:_BLOCK]) :]
            if readable:
                block = os.read(self._out, _BLOCK)
                if not block:
                    break
                said += block
        return bytes(said)

    def end(self) -> int:
        """Kill the process if it has not ended, and return its exit code."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)  # what has closed its output is about to end, and says why
        self._process.kill()
        code = self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        return code


_waiting: list[_Process] = []
_lock = threading.Lock()


def _asked(lines: bytes, cpu_seconds: float) -> dict[str, Any]:
    """Ask a process that waits, or a new one; one that waited too long has ended, and another is asked."""
    for _ in range(_KEPT + 2):
        with _lock:
            process = _waiting.pop() if _waiting else None
        process = process or _Process()
        try:
            answer = process.ask(lines, cpu_seconds)
        except _Gone:
            continue
        except BaseException:
            process.end()
            raise
        with _lock:
            kept = len(_waiting) < _KEPT
            if kept:
                _waiting.append(process)
        if not kept:
            process.end()
        return answer
    raise UnfinishedError("it is killed again and again")


_strangers: list[_Process] = []


def _forget() -> None:
    """After a fork, leave the parent's processes alone: two that write to the same pipe would mix their calls."""
    global _lock, _waiting
    _strangers.extend(_waiting)  # an object that is dropped would be waited for
    _lock, _waiting = threading.Lock(), []


os.register_at_fork(after_in_child=_forget)
