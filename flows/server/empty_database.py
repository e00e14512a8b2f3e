"""An empty database for Prefect's server, made at once instead of by all of Prefect's migrations.

The migrations build the tables of every version that Prefect ever had, one after the other, which takes longer than all
else that a new server does. What they end with lies in `empty_database.sql`, whose first line names the version of
Prefect; another version migrates as ever. After an update of Prefect:

    python -m agenthands.flows.server.empty_database
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

_STATEMENTS = Path(__file__).with_suffix(".sql")
_REVISION = "SELECT version_num FROM alembic_version"
_MIGRATE = """
import asyncio
from prefect.server.database import provide_database_interface
asyncio.run(provide_database_interface().create_db())
"""


def prepare_database(file: Path) -> bool:
    """Make the database where none is, and return whether it is what the installed Prefect's migrations end with.

    Where that is not known, the server must migrate. To be called by one process at a time.
    """
    statements = _STATEMENTS.read_text(encoding="utf-8")
    if not statements.startswith(f"-- Prefect {version('prefect')}\n"):
        return False
    try:
        if not file.exists():
            _make(file, statements)
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            return f"VALUES('{database.execute(_REVISION).fetchone()[0]}')" in statements
    except (sqlite3.Error, TypeError):  # no database, or none of Prefect's: the server says what is wrong with it
        return False


def _make(file: Path, statements: str) -> None:
    """Make the database beside its place, so that nobody ever finds a half of it."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(unfinished)) as database:
        database.executescript(f"PRAGMA synchronous = OFF; {statements}")
    unfinished.replace(file)


def migrated() -> str:
    """Return the statements that make what the migrations of the installed Prefect make of nothing.

    The constraints of a table come in the order of a set, which is another one each time.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "prefect.db")
        variables = {
            "PREFECT_HOME": folder,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{file}",
        }
        subprocess.run([sys.executable, "-P", "-c", _MIGRATE], env={**os.environ, **variables}, cwd=folder, check=True)
        with closing(sqlite3.connect(file)) as database:
            lines = [line.rstrip() for statement in database.iterdump() for line in statement.splitlines()]
    return "\n".join([f"-- Prefect {version('prefect')}", *filter(None, lines), ""])


if __name__ == "__main__":
    _STATEMENTS.write_text(migrated(), encoding="utf-8")
