"""A shell in a container for an agent's terminal.

The terminal runs a small program, which passes everything over a Unix socket to this process, which passes it on to a
bash in the container. So the worker knows all containers and shells, and the program needs no access to docker.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shlex
import socket
import sys
import threading
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

from agenthands.errors import SandboxLost
from agenthands.sandbox.base import Command
from agenthands.sandbox.docker.container import create, hand_over, lost_if_broken, quiet, remove
from agenthands.sandbox.docker.streams import ContainerWatch, Frames, raw_socket
from agenthands.sandbox.launch import (
    SHELL,
    SHELL_START,
    TERMINAL_TURNS,
    TURNS,
    argv_inside,
    begun_anew,
    played,
    ulimits,
)
from agenthands.sandbox.subprocesses import ended_with_all

_PROGRAM = Path(__file__).parent / "shell_script.py"
_GONE = "variables, functions and the current folder"
_CHUNK = 65536


class DockerShell:
    """A shell in a container, and the means to end everything in it."""

    def __init__(self, api: Any, image: str, command: Command, folder: Path) -> None:
        """Write the program into `folder`, which is outside the workspace; the container starts in the background."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "shell"
        parts = [sys.executable, "-I", "-S", str(_PROGRAM), str(folder)]
        self.path.write_text(f'#!/bin/sh\nexec {shlex.join(parts)} "$@"\n')
        self.path.chmod(0o700)
        service = _Service(api, image, command, folder)
        self._end = weakref.finalize(self, service.end)  # also if nobody closes the shell

    def close(self) -> None:
        """Kill the shell and everything in its container."""
        self._end()


class _Service:
    """Listens for shell programs and connects each to a bash in the container."""

    def __init__(self, api: Any, image: str, command: Command, folder: Path) -> None:
        self._api, self._image, self._command = api, image, command
        self._container: str | None = None
        self._watch: ContainerWatch | None = None
        self._lock = threading.RLock()
        self._ending = threading.Event()
        self._links: set[socket.socket] = set()
        (folder / "socket").unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        try:
            self._listener.bind(f"/proc/self/fd/{descriptor}/socket")  # the folder's own path may be too long
        finally:
            os.close(descriptor)
        self._listener.listen()
        self._registered = contextlib.ExitStack()
        self._registered.enter_context(ended_with_all(self._remove))
        for work in (self._warm_up, self._accept):
            threading.Thread(target=work, daemon=True).start()

    def end(self) -> None:
        """Remove the container and end every connection; the programs end with them."""
        self._ending.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._remove()
        for link in list(self._links):
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        self._registered.close()

    def _remove(self) -> None:
        with self._lock:
            if self._container:
                remove(self._api, self._container)
            self._container = None

    def _warm_up(self) -> None:
        with quiet():
            self._running()

    def _running(self) -> tuple[str, ContainerWatch]:
        """Return the running container and its watch; create or start it if necessary."""
        with self._lock:
            if self._ending.is_set():
                raise SandboxLost("The shell is closed.")
            if self._container is None:
                self._container = create(self._api, self._image, self._command, self._first())
                self._api.start(self._container)
                self._watch = ContainerWatch(self._api, self._container, self._command)
            assert self._watch
            if not self._api.inspect_container(self._container)["State"]["Running"]:
                self._api.start(self._container)
                self._watch.started()
            return self._container, self._watch

    def _first(self) -> list[str]:
        """Return the command line of the container's first program, which only waits, or answers on the loopback."""
        waiting = replace(self._command, argv=("sleep", "infinity"), network="none")
        return argv_inside(waiting, played(self._command))

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self._links.add(link)
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        """Connect one terminal to a bash, and to a new one each time that one has ended."""
        try:
            with link, contextlib.suppress(OSError), lost_if_broken():
                hello = json.loads(_line(link))
                code = 0
                for _ in range(TERMINAL_TURNS if hello["terminal"] else TURNS):
                    ended = None if self._ending.is_set() else self._one_bash(link, hello, code)
                    if ended is None:
                        break
                    code = ended
                    if hello["terminal"]:
                        link.sendall(begun_anew(str(code), _GONE).encode())
        except SandboxLost as error:
            with contextlib.suppress(OSError):
                link.sendall(f"[{error.message}]\n".encode())
        finally:
            self._links.discard(link)
            link.close()
            self._remove()

    def _one_bash(self, link: socket.socket, hello: dict[str, Any], code: int) -> int | None:
        """Run one bash to its end, and return its exit code; its first prompt shows `code`.

        Return None if the terminal ended first.
        """
        container, watch = self._running()
        # it waits for a line: the SDK loses output from before the connection is handed to us
        text = f"read -rs; {ulimits(self._command.limits)}; {SHELL_START}"
        prompts = [f"{name}={value}" for name, value in hello["prompts"].items()]  # bash would drop variables
        made = self._api.exec_create(
            container,
            ["/bin/bash", "-c", text, "bash", str(code), *prompts, *SHELL.split(), *hello["arguments"]],
            stdin=True,
            tty=hello["terminal"],
        )["Id"]
        connection = self._api.exec_start(made, tty=hello["terminal"], socket=True)
        far = raw_socket(connection)
        try:
            if hello["terminal"]:
                self._api.exec_resize(made, *hello["size"])
            far.settimeout(None)
            far.sendall(b"\n")
            frames = None if hello["terminal"] else Frames()
            if not self._pump(link, far, frames, watch):
                return None
            return int(self._api.exec_inspect(made)["ExitCode"] or 0)
        finally:
            far.close()

    def _pump(self, link: socket.socket, far: socket.socket, frames: Frames | None, watch: ContainerWatch) -> bool:
        with selectors.DefaultSelector() as selector:
            for each in (link, far):
                selector.register(each, selectors.EVENT_READ)
            while not self._ending.is_set():
                for key, _ in selector.select(0.1):
                    data = _received(key.fileobj)
                    if key.fileobj is link and not data:
                        return False
                    if key.fileobj is far and not data:
                        return True
                    if key.fileobj is link:
                        if b"\n" in data or b"\r" in data:
                            hand_over(self._command.workspace)  # the file editor may have written as root
                        far.sendall(data)
                    else:
                        link.sendall(data if frames is None else b"".join(part for _, part in frames.take(data)))
                if exceeded := watch.exceeded():
                    self._api.kill(self._container)
                    self._api.wait(self._container, timeout=30)
                    link.sendall(f"[The sandbox was ended: it reached its bound of {exceeded}.]\r\n".encode())
                    return True
        return False


def _line(source: socket.socket) -> bytes:
    """Return the first line, without reading a byte more: what follows was typed."""
    line = b""
    while not line.endswith(b"\n") and (byte := source.recv(1)):
        line += byte
    return line


def _received(source: Any) -> bytes:
    try:
        return bytes(source.recv(_CHUNK))
    except ConnectionError:
        return b""
