"""Prefect's server for one command, where none is configured.

The same application that Prefect's ephemeral mode starts, but begun before the slow imports of a build, so that both
go on at once, and without importing the server into this process: that saves about 8 s and 80 MB.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agenthands.errors import OutsideError

_START_SECONDS = 120.0
_PR_SET_PDEATHSIG = 1


@contextmanager
def prefect_server() -> Iterator[Callable[[], None]]:
    """Give a function that waits until Prefect's API answers; a server that was started here ends with the context.

    Raises OutsideError from that function where the server does not start.
    """
    import prefect.settings

    if prefect.settings.get_current_settings().api.url:
        yield lambda: None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = _start(port)
    url = f"http://127.0.0.1:{port}/api"
    try:
        yield lambda: _wait(server, url)
    finally:
        os.environ.pop("PREFECT_API_URL", None)
        server.kill()
        server.wait()


def _start(port: int) -> subprocess.Popen[bytes]:
    import prefect

    arguments = ["--factory", "prefect.server.api.server:create_app", "--host", "127.0.0.1", "--port", str(port)]
    return subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--app-dir", str(prefect.__module_path__.parent), *arguments,
         "--log-level", "error", "--timeout-keep-alive", "5"],
        env={**os.environ, "PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    )  # fmt: skip


def _die_with_parent() -> None:
    """Ask the kernel to end the server with this process, even where it is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    """Wait for the API and name it as Prefect's for this process."""
    import httpx

    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            if httpx.get(f"{url}/health", timeout=2).is_success:
                os.environ["PREFECT_API_URL"] = url
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise OutsideError("Prefect's embedded server does not start.", "`prefect server start` shows why.")
