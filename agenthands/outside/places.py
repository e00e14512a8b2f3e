"""Compares the user's files and databases with those of recorded worlds: columns and tables, never their contents."""

from __future__ import annotations

import contextlib
import csv
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from agenthands._util.killable import UnfinishedError, killable
from agenthands.outside.comparison import Finding
from agenthands.schemas import ToolSpec
from agenthands.schemas.world import place_of

_MOST_FILES, _MOST_FINDINGS, _LONGEST_HEAD = 20, 50, 64 * 1024
_SECONDS = 20.0
Columns = Mapping[str, Sequence[str]]
"""The columns of each table, by its name; a CSV file is a table without a name."""


def compare_place(tool: ToolSpec, name: str, path: Path) -> list[Finding]:
    """Return in what a real file, folder or database differs from the most like one that a world records.

    A missing table or column is wrong, a new one is not. What has no columns is not compared.
    """
    database = next((each for each in tool.effects.databases if each.name == name), None)
    if database and database.kind != "sqlite":
        return []
    if database:
        recorded = [found for world in tool.worlds.values() if (found := _recorded_tables(world.tables.get(name, "")))]
        real = {path.name: _tables(path)} if recorded else {}
    else:
        texts = [text for world in tool.worlds.values() for file, text in world.files.items() if _belongs(file, name)]
        recorded = [{"": columns} for text in texts if (columns := _header(text))]
        real = {file.name: {"": columns} for file in _csv_files(path) if (columns := _header(_head(file)))}
    differing = (finding for file, there in real.items() for finding in _nearest(file, recorded, there))
    return list(islice(differing, _MOST_FINDINGS)) if recorded else []


def _belongs(file: str, place: str) -> bool:
    return place_of(file) == place and Path(file).suffix.lower() in (".csv", ".tsv")


def _nearest(file: str, recorded: Sequence[Columns], real: Columns | None) -> list[Finding]:
    if real is None:
        return [Finding(code="unreadable", place=file, recorded="a database", real="none of SQLite", wrong=True)]
    each = [list(_differences(file, known, real)) for known in recorded]
    return min(each, key=lambda findings: sum(finding.wrong for finding in findings))


def _differences(file: str, recorded: Columns, real: Columns) -> Iterator[Finding]:
    for table, columns in recorded.items():
        if table not in real:
            yield _missing(f"{file}: {table}", "a table")
            continue
        place = f"{file}: {table}." if table else f"{file}: "
        yield from (_missing(f"{place}{column}", "a column") for column in columns if column not in real[table])
        yield from (_new(f"{place}{column}", "a column") for column in real[table] if column not in columns)
    yield from (_new(f"{file}: {table}", "a table") for table in real if table not in recorded)


def _missing(place: str, what: str) -> Finding:
    return Finding(code="missing_field", place=place[:300], recorded=what, real="nothing", wrong=True)


def _new(place: str, what: str) -> Finding:
    return Finding(code="new_field", place=place[:300], recorded="nothing", real=what, wrong=False)


def _csv_files(path: Path) -> list[Path]:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [each for each in files if each.suffix.lower() in (".csv", ".tsv") and each.is_file()][:_MOST_FILES]


def _head(file: Path) -> str:
    with contextlib.suppress(OSError), file.open("rb") as content:
        return content.read(_LONGEST_HEAD).decode("utf-8-sig", "replace")
    return ""


def _header(text: str) -> list[str]:
    line = text.removeprefix("\ufeff").split("\n", 1)[0].strip("\r")
    delimiter = max(",;\t|", key=line.count)
    try:
        return [column.strip() for column in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _recorded_tables(sql: str) -> Columns | None:
    if not sql:
        return None
    with tempfile.TemporaryDirectory(prefix="agenthands-") as folder:
        path = Path(folder) / "recorded.sqlite"
        with contextlib.suppress(UnfinishedError, RuntimeError):
            killable("agenthands.world.tables:make_database", sql, str(path), cpu_seconds=_SECONDS)
        return _tables(path) if path.exists() else None


def _tables(path: Path) -> Columns | None:
    """Return the columns of each table of a SQLite file, None if it is none; it is opened to read alone."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
            named = [str(name) for (name,) in rows if not str(name).startswith("sqlite_")]
            ask = "SELECT name FROM pragma_table_info(?)"
            return {name: [str(column) for (column,) in connection.execute(ask, (name,))] for name in named}
    except (sqlite3.Error, OSError, ValueError):
        return None
