"""The Sandbox port on docker: one container for each command or shell."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

from agenthands.errors import SandboxLost, SandboxUnavailable
from agenthands.sandbox.base import Command, CommandResult, EndedBy, Limits
from agenthands.sandbox.docker.container import IMAGE, create, lost_if_broken, remove, remove_stale
from agenthands.sandbox.docker.shell import DockerShell
from agenthands.sandbox.docker.streams import ContainerWatch, Streams
from agenthands.sandbox.launch import argv_inside, played
from agenthands.sandbox.registry import SandboxSettings
from agenthands.sandbox.subprocesses import ended_with_all, fail_if_ending

_MAKE_IMAGE = "deployments/sandbox-image.sh"
_TICK = 0.1


class DockerSandbox:
    """Gives each command a container: no network, no capabilities, and nothing writable but workspace and scratch."""

    name = "docker"
    start_hint: ClassVar[str] = "Start it (`systemctl start docker`), set DOCKER_HOST, or use --sandbox bubblewrap."
    """What helps where nothing answers."""

    def __init__(self, image: str | None = None) -> None:
        """Connect with the daemon. Raises SandboxUnavailable."""
        import docker
        import requests

        self._image = image or IMAGE
        try:
            self._api: Any = self.connect()
        except (docker.errors.DockerException, requests.RequestException) as error:
            # The SDK wraps the simplest reason, a missing socket, in three other errors.
            reason = "" if "FileNotFoundError" in str(error) else f": {_short(error).rstrip('.')}"
            raise SandboxUnavailable(f"No {self.name} daemon answers{reason}.", self.start_hint) from None

    @classmethod
    def from_settings(cls, settings: SandboxSettings) -> Self:
        """Connect with the daemon, for the image of the settings. Raises SandboxUnavailable."""
        return cls(settings.sandbox_image)

    @classmethod
    def connect(cls) -> Any:
        """Return the SDK's client of the daemon that DOCKER_HOST names, or of this machine's own."""
        import docker

        sdk: Any = docker
        return sdk.APIClient(**sdk.utils.kwargs_from_env(), version="auto", timeout=60)

    def check(self) -> str:
        """Start one container, after removing those that dead workers left. Raises SandboxUnavailable."""
        import docker

        try:
            with lost_if_broken():
                remove_stale(self._api)
                with contextlib.suppress(docker.errors.ImageNotFound):
                    self._api.inspect_image(self._image)
                    return self._try_out()
        except SandboxLost as error:
            raise SandboxUnavailable(error.message, self.start_hint) from None
        get = _MAKE_IMAGE if self._image == IMAGE else f"docker pull {self._image}"
        raise SandboxUnavailable(f"The image {self._image} is not here.", f"Run {get}.")

    def run(self, command: Command) -> CommandResult:
        """Run one command in its own container. Raises SandboxLost if the daemon or the container fails."""
        with lost_if_broken():
            container = create(self._api, self._image, command, argv_inside(command, played(command)))
            clear = partial(remove, self._api, container)
            try:
                with ended_with_all(clear):
                    result = self._watched(command, container)
            finally:
                clear()
            fail_if_ending()
            return result

    def shell(self, command: Command, folder: Path) -> DockerShell:
        """Write a program that is an interactive bash in a container; OpenHands runs it as its terminal."""
        return DockerShell(self._api, self._image, command, folder)

    def _watched(self, command: Command, container: str) -> CommandResult:
        limits = command.limits
        connection = self._api.attach_socket(container, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
        with contextlib.closing(Streams(connection, command.stdin, limits.output_bytes)) as streams:
            started = time.monotonic()
            self._api.start(container)
            watch = ContainerWatch(self._api, container, command)
            ended: EndedBy | None = None
            while streams.open and not ended:
                remaining = started + limits.seconds - time.monotonic()
                ended = "time" if remaining <= 0 else watch.exceeded()
                streams.turn(max(0.0, min(remaining, _TICK)))
            if ended:
                streams.close()  # the daemon does not end a container whose output it cannot write
                self._kill(container)
            code = int(self._api.wait(container, timeout=30)["StatusCode"])
            if code and not ended:
                ended = watch.cause()
            return CommandResult(
                exit_code=None if ended == "time" else code,
                stdout=streams.outputs[0],
                stderr=streams.outputs[1],
                seconds=round(time.monotonic() - started, 3),
                truncated=streams.truncated,
                ended_by=ended,
            )

    def _kill(self, container: str) -> None:
        import docker

        try:
            self._api.kill(container)
        except docker.errors.APIError as error:
            if error.status_code != 409:  # it has ended by itself meanwhile
                raise

    def _try_out(self) -> str:
        """Start a container, run the environments' interpreter in it, and return a description of the sandbox."""
        probe = "import ctypes, os, sqlite3, ssl; print(os.getuid())"
        with tempfile.TemporaryDirectory(prefix="agenthands-") as folder:
            argv = [os.path.realpath(sys.executable), "-I", "-c", probe]
            result = self.run(Command(argv, Path(folder), limits=Limits(seconds=60)))
        if result.exit_code != 0 or result.stdout.strip() in (b"", b"0"):
            said = result.stderr.decode(errors="replace").strip()[-300:]
            raise SandboxUnavailable(
                f"The image {self._image} cannot run {argv[0]}: {said}", f"Run {_MAKE_IMAGE} --debootstrap."
            )
        version = self._api.version()["Version"]
        return f"{self.name} {version}: image {self._image}, uid {result.stdout.decode().strip()}, no network; cgroups"


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:300]
