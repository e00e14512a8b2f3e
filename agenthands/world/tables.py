"""Makes the databases of a world from their SQL. Called in a process that can be killed: see `_util/killable.py`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

_MOST_BYTES = 64 * 1024**2
_REFUSED = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}


def make_database(sql: str, path: str, kind: str = "sqlite") -> str:
    """Write a database to `path`, or nothing if it is empty; return what is wrong with the SQL, or ""."""
    if kind == "duckdb":
        return _make_duckdb(sql, path)
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA user_version = 0")  # without any page, it could not be written down
    connection.set_authorizer(_authorized)
    try:
        connection.executescript(sql)
        connection.commit()
        content = connection.serialize()
    except (sqlite3.Error, sqlite3.Warning) as error:
        return str(error)
    finally:
        connection.close()
    if len(content) > _MOST_BYTES:
        return f"the database has {len(content):,} bytes; at most {_MOST_BYTES:,} are laid out"
    if path:
        Path(path).write_bytes(content)
    return ""


def _make_duckdb(sql: str, path: str) -> str:
    import duckdb

    config = {"enable_external_access": "false", "threads": "1", "memory_limit": "500MB", "lock_configuration": "true"}
    try:
        with duckdb.connect(path or ":memory:", config=config) as connection:  # type: ignore[arg-type]
            connection.execute(sql)
    except duckdb.Error as error:
        if path:
            Path(path).unlink(missing_ok=True)
        return str(error).splitlines()[0]
    return ""


def _authorized(action: int, first: str | None, *_: str | None) -> int:
    """Keep SQL within its own database: it may not open files, nor load code."""
    is_function = action == sqlite3.SQLITE_FUNCTION
    if action in _REFUSED or (is_function and "load_extension" in (first or "", *(each or "" for each in _))):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK
