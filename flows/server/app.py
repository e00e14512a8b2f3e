"""Prefect's server, embedded or started by `agenthands serve`, with writers to SQLite that wait for each other.

Prefect begins most write transactions as DEFERRED: they read first, and fail at once if another transaction has written
meanwhile, because their snapshot is stale. No timeout of Prefect or SQLite changes that. The server answers 503, and
the client retries after 2, 4, 8 ... seconds and finally gives up: a build of 32 tools loses a minute, or fails. An
IMMEDIATE transaction waits for its turn.
"""

from typing import Any

from agenthands._util.fast_import import fast_import


def create_app() -> Any:
    """Return Prefect's application. uvicorn calls this in the server's own process."""
    with fast_import("prefect.server"):
        from prefect.server.api import server

        _let_writers_wait()
        return server.create_app()


def _let_writers_wait() -> None:
    from sqlalchemy import Engine, event

    event.listen(Engine, "before_cursor_execute", _begun_at_once, retval=True)


def _begun_at_once(_connection: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> tuple[str, Any]:
    return ("BEGIN IMMEDIATE" if statement == "BEGIN DEFERRED" else statement), given


if __name__ == "__main__":  # Prefect's command line, as for `prefect server start`
    from prefect.cli import app

    _let_writers_wait()
    app()
