"""Prefect's server where the user has none: one for all commands of a user, which ends by itself when unused.

It lives in `<home>/prefect/<version>/`, with a database of its own. Three locks of the kernel, which end with the
processes that hold them, make sure that nothing is left and nobody races: who uses it holds `users` shared; it holds
`alive` as long as it lives, and ends only where it gets `users` for itself; who looks for it holds `start`.

Prefect reads its settings when it is imported, so this module must set the API's address first, and does not import
Prefect before. What keeps the server itself going is in `embedded_process.py`.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import IO, NamedTuple

from agenthands._util.redaction import remember
from agenthands._version import __version__
from agenthands.errors import OutsideError
from agenthands.flows.server.deployments import shipped
from agenthands.flows.server.empty_database import prepare_database

_START_SECONDS = 300.0
_SEND_SECONDS = 5.0
_KEPT_SECONDS = 7 * 24 * 3600.0
_DATABASE_BYTES = 100_000_000
_API_IS_SET = re.compile(r"PREFECT_API_URL|^\s*\[(tool\.prefect\.)?api\]|\bapi\.url\b", re.MULTILINE)
_ERROR = re.compile(r"^[\w.]*(?:Error|Exception)\b.*", re.MULTILINE)  # the last line of a traceback
# All that the server inherits: it outlives the command, and knows nothing of its keys, folders and settings.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "LD_LIBRARY_PATH", "TZ")


class _Address(NamedTuple):
    """Where the server listens, what it wants to be told, and its process, for a person who must end it."""

    port: int
    auth: str


_used: dict[Path, IO[str]] = {}


@contextmanager
def prefect_server(home: Path, idle_seconds: float) -> Iterator[Callable[[], AbstractContextManager[object]]]:
    """Yield a function that waits until Prefect's API answers, and returns the context in which flows must run.

    Where the user has named an API anywhere, nothing is started and Prefect decides. Elsewhere the server of this home
    is used, or started; it stays for `idle_seconds` after its last process. Raises OutsideError from the function given
    where the server does not start, or the user's is of no use, and SettingsInvalid where it refuses who asks.
    """
    if _user_names_an_api():
        try:
            yield _checked
        finally:
            _send_what_waits()
        return
    folder = server_folder(home)
    _use(folder)
    address = _found_or_started(folder, idle_seconds)
    with _named_in_environment(address):
        yield lambda: _answering(folder, address)


def _use(folder: Path) -> None:
    """Keep the server of a folder until this process ends, for Prefect keeps the address that it has read first."""
    if folder not in _used:
        users = (folder / "users").open("a")
        fcntl.flock(users, fcntl.LOCK_SH)  # waits where the server is just ending, some milliseconds
        _used[folder] = users


@contextmanager
def _named_in_environment(address: _Address) -> Iterator[None]:
    named = {
        "PREFECT_API_URL": f"http://127.0.0.1:{address.port}/api",
        "PREFECT_API_AUTH_STRING": address.auth,
        "PREFECT_API_SSL_CERT_FILE": str(shipped("deployments/no-tls.pem")),  # each client loads all others otherwise
    }
    before = {name: os.environ.get(name) for name in named}
    os.environ.update(named)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def server_folder(home: Path) -> Path:
    """Make and return the folder of the server of this very installation: no other version meets its database."""
    installed = sha256(f"{__version__} {sys.executable} {__file__}".encode()).hexdigest()[:8]
    folder = home / "prefect" / f"{version('prefect')}-{installed}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _found_or_started(folder: Path, idle_seconds: float) -> _Address:
    with (folder / "start").open("a") as starting, (folder / "alive").open("a") as alive:
        fcntl.flock(starting, fcntl.LOCK_EX)
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            address = _Address(*json.loads((folder / "server.json").read_text(encoding="utf-8")))
            remember(address.auth)
            return address
        _remove_old(folder)
        address, listening = _new_address()
        with listening:
            _write_private(folder / "server.json", json.dumps(address))
            _start(folder, address, (listening.fileno(), alive.fileno()), idle_seconds)
        return address


def _new_address() -> tuple[_Address, socket.socket]:
    """Return an address with the socket that listens there already: nobody else can have the port."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    auth = f"agenthands:{secrets.token_urlsafe(24)}"  # others on this machine reach the port, too
    remember(auth)
    return _Address(listening.getsockname()[1], auth), listening


def _write_private(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as written:
        written.write(text)


def _start(folder: Path, address: _Address, inherited: tuple[int, int], idle_seconds: float) -> None:
    """Start the server as a child of nobody here: this command may end, or be interrupted, while others use it."""
    is_prepared = prepare_database(folder / "prefect.db")
    settings = {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder}/prefect.db",
        "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": str(not is_prepared).lower(),
        "PREFECT_SERVER_API_AUTH_STRING": address.auth,
        "PREFECT_API_URL": f"http://127.0.0.1:{address.port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_UI_ENABLED": "0",
        # Nobody reads events later, or has automations; task runs are recorded from events as they come.
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
        "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",  # a block that is saved registers its type
        "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",  # it would load all collections to see what is new
        "PREFECT__SERVER_EPHEMERAL": "1",
        "PREFECT__SERVER_FINAL": "1",
        "DO_NOT_TRACK": "1",
        "TMPDIR": str(folder),
    }
    known = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    program = [sys.executable, "-P", "-m", "agenthands.flows.server.embedded_process"]
    with (folder / "server.log").open("wb") as log:
        subprocess.run(
            ["/bin/sh", "-c", '"$@" &', "sh", *program, *map(str, inherited), str(folder), str(idle_seconds)],
            env={**known, **settings},
            cwd=folder,  # Prefect reads settings files where it is started
            pass_fds=inherited,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=True,
        )


def _remove_old(folder: Path) -> None:
    """Remove a database that has grown large, and what servers of other versions have left a week ago."""
    with suppress(OSError):
        if (folder / "prefect.db").stat().st_size > _DATABASE_BYTES:
            for part in folder.glob("prefect.db*"):
                part.unlink()
    for other in folder.parent.iterdir():
        with suppress(OSError), (other / "alive").open() as alive:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if other != folder and time.time() - (other / "server.json").stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(other, ignore_errors=True)


def _answering(folder: Path, address: _Address) -> AbstractContextManager[object]:
    """Wait for the server; flows then send no heartbeats, for nobody listens, and the end of each waits a second."""
    deadline = time.monotonic() + _START_SECONDS
    with (folder / "alive").open("a") as alive:
        while not _is_healthy(address):
            if time.monotonic() > deadline:
                raise OutsideError("Prefect's embedded server does not answer.", f"Remove the folder {folder}.")
            _require_alive(folder, alive)
            time.sleep(0.05)
    from prefect.settings import (
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    return temporary_settings(  # the address too, for programs that had imported Prefect before
        {
            PREFECT_API_URL: f"http://127.0.0.1:{address.port}/api",
            PREFECT_API_AUTH_STRING: address.auth,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        }
    )


def _is_healthy(address: _Address) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=10)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _require_alive(folder: Path, alive: IO[str]) -> None:
    try:
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    said = _ERROR.findall((folder / "server.log").read_text(encoding="utf-8", errors="replace"))
    raise OutsideError(
        f"Prefect's embedded server does not start: {said[-1] if said else 'it was ended'}",
        f"{folder / 'server.log'} says more. The next command starts it anew.",
    )


def _checked() -> AbstractContextManager[object]:
    from agenthands.flows.server.compatibility import check_server

    check_server()
    return nullcontext()


def _send_what_waits() -> None:
    """Let Prefect send its last logs and events to the user's server: the process ends without waiting for threads."""
    if "prefect.logging.handlers" in sys.modules and "prefect.events.worker" in sys.modules:
        from prefect.events.worker import EventsWorker
        from prefect.logging.handlers import APILogWorker

        for worker in (APILogWorker, EventsWorker):
            worker.drain_all(timeout=_SEND_SECONDS)


def _user_names_an_api() -> bool:
    """Look where Prefect looks: variable, profile, and the settings files of the current folder."""
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
