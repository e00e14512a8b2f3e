"""Runs a Prefect server for one command if none is configured.

It is the application that Prefect's ephemeral mode starts, but started before the slow imports of a build, so that both
run concurrently, and never imported into this process. Prefect reads its settings on import, so this module sets the
API's address before it imports Prefect.
"""

from __future__ import annotations

import atexit
import os
import re
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from agenthands.errors import OutsideError
from agenthands.flows.cancellation import DIE_WITH_PARENT

_START_SECONDS = 120.0
_SEND_SECONDS = 5.0
_API_IS_SET = re.compile(r"PREFECT_API_URL|^\s*\[(tool\.prefect\.)?api\]|\bapi\.url\b", re.MULTILINE)


_own: dict[int, subprocess.Popen[bytes]] = {}  # by its port


@contextmanager
def prefect_server() -> Iterator[Callable[[], AbstractContextManager[object]]]:
    """Yield a function that waits until Prefect's API answers, and returns the context in which flows must run.

    A server that was started here serves this process to its end: Prefect keeps the address that it has read first, and
    sends its last events when the interpreter ends. Where the user has named an API anywhere, nothing is started and
    Prefect decides. Raises OutsideError from the function given where the server does not start.
    """
    if _user_names_an_api():
        try:
            yield nullcontext
        finally:
            _send_what_waits()
        return
    server, url = _own_server()
    os.environ["PREFECT_API_URL"] = url
    try:
        yield lambda: _answering(server, url)
    finally:
        del os.environ["PREFECT_API_URL"]


def _own_server() -> tuple[subprocess.Popen[bytes], str]:
    """Return the server of this process and its address; it is started where there is none, or it has ended."""
    if not _own:
        atexit.register(_end_own_server)  # that is after Prefect's threads have ended
    port = next(iter(_own), None) or _free_port()
    if port not in _own or _own[port].poll() is not None:
        _own[port] = _start(port)
    return _own[port], f"http://127.0.0.1:{port}/api"


def _end_own_server() -> None:
    for server in _own.values():
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answering(server: subprocess.Popen[bytes], url: str) -> AbstractContextManager[object]:
    """Wait for the server; flows then send no heartbeats, for nobody listens, and the end of each waits a second.

    The address is set here too, for programs that had imported Prefect before.
    """
    _wait(server, url)
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    return temporary_settings({PREFECT_API_URL: url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})


def _send_what_waits() -> None:
    """Send Prefect's last logs and events to the user's server, because the process does not wait for its threads."""
    if "prefect.logging.handlers" in sys.modules and "prefect.events.worker" in sys.modules:
        from prefect.events.worker import EventsWorker
        from prefect.logging.handlers import APILogWorker

        for worker in (APILogWorker, EventsWorker):
            worker.drain_all(timeout=_SEND_SECONDS)


def _user_names_an_api() -> bool:
    """Return whether an API is set where Prefect looks: the variable, profiles, or files in the current folder."""
    if os.environ.get("PREFECT_API_URL"):
        return True
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    profiles = Path(os.environ.get("PREFECT_PROFILES_PATH", home / "profiles.toml"))
    for path in (profiles, Path("prefect.toml"), Path("pyproject.toml"), Path(".env")):
        try:
            if _API_IS_SET.search(path.read_text(encoding="utf-8", errors="replace")):
                return True
        except OSError:
            continue
    return False


def _start(port: int) -> subprocess.Popen[bytes]:
    without_api = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    return subprocess.Popen(
        # A folder `agenthands` or `prefect` where the user stands is not ours: so -P, and --app-dir, which uvicorn puts
        # at the head of sys.path and which is that folder by default.
        [sys.executable, "-P", "-m", "uvicorn", "--app-dir", sysconfig.get_path("stdlib"),
         "--factory", "agenthands.flows.server.app:create_app",
         "--host", "127.0.0.1", "--port", str(port), "--log-level", "error", "--timeout-keep-alive", "5"],
        env={**without_api, "PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=DIE_WITH_PARENT,
    )  # fmt: skip


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    import httpx

    deadline = time.monotonic() + _START_SECONDS
    with httpx.Client(timeout=2) as client:  # httpx.get would load all certificates at each call
        while time.monotonic() < deadline and server.poll() is None:
            try:
                if client.get(f"{url}/health").is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
    raise OutsideError("Prefect's embedded server does not start.", "`prefect server start` shows why.")
