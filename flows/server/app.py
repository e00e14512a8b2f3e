"""Prefect's server, embedded or started by `agenthands serve`: its writers to SQLite wait for each other.

Prefect begins most transactions that write as DEFERRED ones: they read first, and fail at once where another one has
written meanwhile, for their view is old then. No time limit of Prefect's or of SQLite's changes that. Its server says
503, its client tries again after 2, 4, 8 ... seconds, and gives up in the end: a build of 32 tools spends a minute so,
or fails. An IMMEDIATE transaction waits for its turn.
"""

from typing import Any

from agenthands._util.fast_import import fast_import


def create_app() -> Any:
    """Return Prefect's application. uvicorn calls this in a process of the server's own."""
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
