"""Fork servers: one process for each preparation, whose forks enter sandboxes (see server_script.py).

The preparation imports pinned packages of an environment, which run outside of any sandbox, like the factory's own
packages. Code that a model wrote runs only in a fork that has entered a sandbox.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import socket
import struct
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agenthands.sandbox.bubblewrap.memfd import SealedExecutable
from agenthands.sandbox.limits.usage import tree

_SCRIPT = Path(__file__).parent / "server_script.py"
_PREPARATION_SECONDS = 120
_ENTRY_SECONDS = 30
_TICK = 0.05
_FAILURES = 3  # in a row, after which the fork server is given up
_CREDENTIALS = struct.Struct("iII")
_DONE, _GONE = b"\0", b"\1"
_log = logging.getLogger(__name__)
_all: dict[tuple[object, ...], ForkServer] = {}
_all_lock = threading.Lock()


class CannotEnterError(Exception):
    """No fork server is available, or its fork cannot enter: the command must start its own interpreter."""


def fork_server_for(python: str, variables: Mapping[str, str], preparation: str) -> ForkServer:
    """Return the fork server for a preparation, the same one for all threads; it starts on first use."""
    key = (python, tuple(sorted(variables.items())), preparation)
    with _all_lock:
        return _all.setdefault(key, ForkServer(python, variables, preparation))


class ForkServer:
    """A process outside of sandboxes; it ends with this process, or after a minute without a request."""

    def __init__(self, python: str, variables: Mapping[str, str], preparation: str) -> None:
        """Keep the arguments; the process starts on first use."""
        self._python, self._variables, self._preparation = python, dict(variables), preparation
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._finalizer: weakref.finalize[Any, Any] | None = None
        self._unusable = ""
        self._failures = 0

    def enter(self, request: Mapping[str, Any], descriptors: Sequence[int], counted: bool = True) -> None:
        """Let a fork enter the sandbox of `request`; return also if the process inside has ended.

        Raises CannotEnterError. After a preparation that raised or took too long, or three `counted` failures in a row,
        every further call raises it at once.
        """
        with self._lock:
            if self._unusable:
                raise CannotEnterError(self._unusable)
            for last in (False, True):
                control = self._control or self._start()
                try:
                    socket.send_fds(control, [json.dumps(request).encode()], list(descriptors))
                    answer = control.recv(65536)
                except TimeoutError:
                    self._end()
                    answer = b"no answer in %d s" % _ENTRY_SECONDS
                except OSError as error:  # it had ended because it was idle
                    self._end()
                    if last:
                        raise self._failed(str(error).encode(), counted) from None
                    continue
                if answer in (_DONE, _GONE):
                    self._failures = 0
                    return
                if not answer:
                    self._end()
                raise self._failed(answer, counted)  # no retry: the fork may have entered

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_PREPARATION_SECONDS)
        final = False
        try:
            binary = Path(self._python).resolve(strict=True)
            with theirs, contextlib.closing(SealedExecutable(binary)) as copy:
                process = subprocess.Popen(
                    [self._python, "-P", "-B", str(_SCRIPT)],  # it is not confined, and environments do not change
                    executable=copy.path,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    # the loader may look for a library relative to the binary
                    env={**self._variables, "LD_LIBRARY_PATH": str(binary.parent.parent / "lib")},
                    cwd=tempfile.gettempdir(),  # if it is killed, its files are removed with our scratch folder
                    start_new_session=True,
                )
            self._finalizer = weakref.finalize(ours, _end, process)
            ours.sendall(self._preparation.encode())
            answer = ours.recv(65536)
            final = bool(answer)
        except OSError as error:
            answer, final = str(error).encode(), isinstance(error, TimeoutError)
        if answer != _DONE:
            self._end()
            raise self._failed(answer, times=_FAILURES if final else 1)
        ours.settimeout(_ENTRY_SECONDS)
        self._control = ours
        return ours

    def _end(self) -> None:
        self._control = None
        if self._finalizer:
            self._finalizer()

    def _failed(self, answer: bytes, counted: bool = True, times: int = 1) -> CannotEnterError:
        reason = answer.decode(errors="replace") or "the prepared interpreter ended without a word"
        self._failures += times if counted else 0
        if self._failures >= _FAILURES:
            self._unusable = reason
            _log.info("Each command starts an interpreter of its own: %s", reason)
        return CannotEnterError(reason)


class Entry:
    """The entry of one command into a sandbox; `argv` is a holder that waits inside until the command has ended."""

    def __init__(
        self, interpreter: ForkServer, request: Mapping[str, Any], ready: Callable[[int], None] | None = None
    ) -> None:
        """Keep the request to the fork server; the id of the process inside is added later.

        `ready` is called with it before the fork enters; an OSError of it keeps the fork out.
        """
        self._interpreter, self._request, self._ready = interpreter, dict(request), ready
        self._ours, self._theirs = socket.socketpair()
        self._ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._thread: threading.Thread | None = None
        self._word = secrets.token_hex(16)
        self.failure: CannotEnterError | None = None

    @property
    def argv(self) -> list[str]:
        """The command line of the holder, which has no open file but its socket once it is ready."""
        end = self._theirs.fileno()
        text = f'exec </dev/null >/dev/null 2>&1; echo >&{end}; read -r -u {end} code; exit "${{code:-125}}"'
        return ["/bin/bash", "-c", text, self._word]

    @property
    def inherited(self) -> int:
        """The file descriptor that the holder inherits under the same number."""
        return self._theirs.fileno()

    def begin(self, streams: Sequence[int]) -> None:
        """In a thread, wait for the holder, let the fork enter, and close the inner ends of the streams."""
        self._theirs.close()
        thread = threading.Thread(target=self._enter, args=(streams,), daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            _close(streams)
            raise CannotEnterError(str(error)) from None
        self._thread = thread

    def close(self) -> None:
        """Wait for the thread; the holder must have ended, or never begin."""
        with contextlib.suppress(OSError):  # it is closed, or the holder has ended
            self._ours.shutdown(socket.SHUT_RDWR)
        if self._thread:
            self._thread.join()
        self._ours.close()
        self._theirs.close()

    def _enter(self, streams: Sequence[int]) -> None:
        try:
            ready, parts, _, _ = self._ours.recvmsg(1, socket.CMSG_SPACE(_CREDENTIALS.size))
            if not ready:
                return  # bwrap has failed, and reports why
            pid, _, _ = _CREDENTIALS.unpack(parts[0][2])  # the kernel translates it to our pid namespace
            if self._ready:
                self._ready(pid)
            request = {**self._request, "process": pid, "word": self._word}
            self._interpreter.enter(request, [*streams, self._ours.fileno()])
        except CannotEnterError as error:
            self.failure = error.with_traceback(None)  # its frames would keep open what is to be closed
        except OSError as error:
            self.failure = CannotEnterError(str(error))
        finally:
            self._ours.close()
            _close(streams)


def enter_beside(
    interpreter: ForkServer, request: Mapping[str, Any], shell: Path, word: str, ended: threading.Event
) -> None:
    """Let a fork enter the first sandbox of a shell, unless `ended` is set first.

    `shell` is the file with the shell's process id; bwrap has `word` among its arguments.
    """
    while not ended.wait(_TICK):
        with contextlib.suppress(OSError, ValueError):
            if process := first_inside(int(shell.read_text()), word):
                break
    else:
        return
    ours, theirs = socket.socketpair()
    with ours, theirs, Path(os.devnull).open("r+b") as null, contextlib.suppress(CannotEnterError):
        streams = [null.fileno()] * 3
        # code in a shell may kill the fork that enters, so a failure here must not count for other shells
        interpreter.enter({**request, "process": process, "word": word}, [*streams, theirs.fileno()], counted=False)


def first_inside(shell: int, word: str) -> int:
    """Return the id of the sandbox's first process once it has started the command, so the sandbox is ready; else 0."""
    own = Path("/proc/self/ns/user").readlink()
    for process in tree(shell):
        folder = Path(f"/proc/{process}")
        with contextlib.suppress(OSError):
            named = word.encode() in (folder / "cmdline").read_bytes().split(b"\0")
            if named and (folder / "ns" / "user").readlink() != own and len(tree(process)) > 1:
                return process
    return 0


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process, whose socket is closed."""
    process.kill()
    process.wait()
