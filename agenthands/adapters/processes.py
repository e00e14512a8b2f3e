"""Child processes with bounded time and output, all known, so that an interrupted build leaves none behind."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from agenthands.ports import CommandResult

_running: set[subprocess.Popen[bytes]] = set()
_lock = threading.Lock()
_ending = threading.Event()


def run_process(
    argv: Sequence[str | Path],
    *,
    seconds: float,
    stdin: bytes = b"",
    output_bytes: int = 1024**2,
    variables: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> CommandResult:
    """Run a command in a session of its own; at the time limit its whole process group is killed.

    Output beyond `output_bytes` a stream is read and dropped. Raises OSError where the command cannot start.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        [str(part) for part in argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(variables) if variables is not None else None,
        cwd=folder,
        start_new_session=True,
    )
    with _lock:
        _running.add(process)
    try:
        if _ending.is_set():
            kill_group(process.pid)
        streams, truncated = _communicate(process, stdin, started + seconds, output_bytes)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, started + seconds - time.monotonic()))
        timed_out = process.poll() is None
    finally:
        kill_group(process.pid)
        process.wait()
        with _lock:
            _running.discard(process)
    return CommandResult(
        exit_code=None if timed_out else process.returncode,
        stdout=streams[0],
        stderr=streams[1],
        seconds=round(time.monotonic() - started, 3),
        truncated=truncated,
    )


def end_all_processes() -> None:
    """Kill every process that `run_process` has started, and every one that it still starts."""
    _ending.set()
    with _lock:
        for process in _running:
            kill_group(process.pid)


def kill_group(pid: int) -> None:
    """Kill the process group that `pid` leads; nothing happens where it has ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _communicate(
    process: subprocess.Popen[bytes], stdin: bytes, deadline: float, limit: int
) -> tuple[tuple[bytes, bytes], bool]:
    """Feed and read all three pipes until both outputs end or the deadline passes."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    buffers = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    outputs = process.stdout.fileno(), process.stderr.fileno()
    truncated = False
    pending = memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        for descriptor in outputs:
            selector.register(descriptor, selectors.EVENT_READ)
        os.set_blocking(process.stdin.fileno(), False)
        if pending:
            selector.register(process.stdin, selectors.EVENT_WRITE)
        else:
            process.stdin.close()
        while selector.get_map() and (remaining := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(min(remaining, 0.5)):
                if key.fd not in buffers:
                    pending = _feed(process.stdin, pending)
                    if not pending:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                    continue
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    selector.unregister(key.fd)
                room = limit - len(buffers[key.fd])
                truncated = truncated or len(chunk) > room
                buffers[key.fd] += chunk[: max(0, room)]
            if process.poll() is not None and not selector.select(0.05):
                break  # a left-over child holds the pipe; the command itself has ended
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()
    return (bytes(buffers[outputs[0]]), bytes(buffers[outputs[1]])), truncated


def _feed(pipe: IO[bytes], pending: memoryview) -> memoryview:
    try:
        return pending[os.write(pipe.fileno(), pending[:65536]) :]
    except BlockingIOError:
        return pending
    except BrokenPipeError:
        return pending[:0]
