"""The process of Prefect's embedded server: it serves, ends runs whose command is gone, and ends when unused."""

from __future__ import annotations

import base64
import fcntl
import os
import socket
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agenthands._util.fast_import import fast_import

_LOOK_SECONDS = 0.5
_ASK_SECONDS = 30.0
_UNFINISHED = ["RUNNING", "PENDING", "SCHEDULED", "PAUSED", "CANCELLING"]


def main(listening: int, alive: int, folder: Path, idle_seconds: float) -> None:
    """Serve on a socket that listens already, until nobody has used the server for `idle_seconds`."""
    with fast_import("uvicorn"):
        import uvicorn

        from agenthands.flows.server.app import create_app

        app = create_app()
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_keep_alive=5))
    threading.Thread(target=_end_when_unused, args=(server, alive, folder, idle_seconds), daemon=True).start()
    server.run(sockets=[socket.socket(fileno=listening)])


def _end_when_unused(server: Any, alive: int, folder: Path, idle_seconds: float) -> None:
    began, ended_before = datetime.now(UTC), False
    users = os.open(folder / "users", os.O_RDWR | os.O_CREAT, 0o600)
    unused_since: float | None = None
    while True:
        time.sleep(_LOOK_SECONDS)
        if _is_removed(users, folder):
            os._exit(0)
        if not server.started:
            continue
        if not ended_before:  # runs of a server that was killed
            ended_before = _end_dead_runs(began)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            unused_since = None
            continue
        if unused_since is None:
            unused_since = time.monotonic()
            _end_dead_runs(datetime.now(UTC))
        if time.monotonic() - unused_since >= idle_seconds:
            os.close(alive)  # first, so that who waits for `users` finds no server
            os._exit(0)
        fcntl.flock(users, fcntl.LOCK_UN)


def _is_removed(users: int, folder: Path) -> bool:
    """Return whether somebody has removed the folder, or made it anew."""
    try:
        return not os.path.samestat(os.fstat(users), (folder / "users").stat())
    except OSError:
        return True


def _end_dead_runs(before: datetime) -> bool:
    """Mark what began before that time and did not end as crashed, and return whether that was done.

    Called where no command is left that could run it: none tells the server when it is killed.
    """
    import httpx

    token = base64.b64encode(os.environ["PREFECT_SERVER_API_AUTH_STRING"].encode()).decode()
    headers = {"Authorization": f"Basic {token}"}
    dead = {"type": "CRASHED", "message": "The command that ran it is gone."}
    wanted = {"flow_runs": {"state": {"type": {"any_": _UNFINISHED}}}, "sort": "START_TIME_ASC"}
    with (
        suppress(httpx.HTTPError),
        httpx.Client(base_url=os.environ["PREFECT_API_URL"], headers=headers, timeout=_ASK_SECONDS) as client,
    ):
        runs = client.post("/flow_runs/filter", json=wanted).raise_for_status().json()
        for run in runs:
            if datetime.fromisoformat(run["created"]) < before:
                client.post(f"/flow_runs/{run['id']}/set_state", json={"state": dead, "force": True})
        return True
    return False


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
