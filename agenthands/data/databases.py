"""Profiles of SQLite and DuckDB files, with the SQL of a sample of them. Called where it can be killed."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST_TABLES, MOST_COLUMNS, FEW_VALUES = 40, 100, 12
_LOOKED_AT = 20_000
_COUNTED = 1_000_000
_MOST_CELL = 300


def read_sqlite(path: str, rows: int) -> dict[str, Any]:
    """Return the profile of a SQLite file, which is opened for reading only. Raises ValueError where it is damaged."""
    try:
        with contextlib.closing(_opened(path)) as connection:
            wal = connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
            made = connection.execute(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                "ORDER BY rowid"
            ).fetchall()
            plain = [(name, sql) for name, sql in made if not sql.upper().startswith("CREATE VIRTUAL")]
            tables = [_table(connection, name, rows) for name, _ in plain[:MOST_TABLES]]
            sql = _sample(connection, plain[:MOST_TABLES], tables, rows)
    except sqlite3.DatabaseError as error:
        raise ValueError(f"SQLite cannot read it: {error}") from None
    notes = [f"{len(plain) - MOST_TABLES} more tables."] if len(plain) > MOST_TABLES else []
    if wal:
        notes.append("It is in WAL mode: a reader opens it with file:PATH?mode=ro&immutable=1.")
    for table in tables:
        table.pop("taken")
    return {"tables": tables, "notes": notes, "sample": {"sql": sql}}


def _opened(path: str) -> sqlite3.Connection:
    """Open a database for reading; one in WAL mode in a folder that cannot be written is taken as it lies there."""
    where = Path(path).absolute().as_uri()
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect(f"{where}?{mode}", uri=True)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.execute("PRAGMA trusted_schema = OFF")
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            continue
        return connection
    raise sqlite3.DatabaseError("it cannot be opened")


def _table(connection: sqlite3.Connection, name: str, rows: int) -> dict[str, Any]:
    table = _name(name)
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    count = connection.execute(f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT {_COUNTED})").fetchone()[0]
    taken = connection.execute(f"SELECT * FROM {table} LIMIT {rows}").fetchall()
    found = [_column(connection, table, each, rows) for each in columns[:MOST_COLUMNS]]
    return {
        "name": name,
        "columns": found,
        "more_columns": max(0, len(columns) - MOST_COLUMNS),
        "rows": count,
        "exact": count < _COUNTED,
        "keys": list(_keys(connection, name, columns)),
        "taken": [list(row) for row in taken],
    }


def _column(connection: sqlite3.Connection, table: str, described: Any, rows: int) -> dict[str, Any]:
    _, name, kind, *_ = described
    column: dict[str, Any] = {"name": name, "type": kind or "any"}
    if not rows:
        return column
    quoted = _name(name)
    first = f"(SELECT {quoted} FROM {table} LIMIT {_LOOKED_AT})"
    count, there, distinct, low, high, texts = connection.execute(
        f"SELECT count(*), count({quoted}), count(DISTINCT {quoted}), min({quoted}), max({quoted}), "
        f"sum(typeof({quoted}) IN ('text', 'blob')) FROM {first}"
    ).fetchone()
    column |= {"nulls": count - there, "distinct": distinct}
    dates = [str(each)[:10] for each in (low, high) if isinstance(each, str) and _is_date(each)]
    if there and not texts:
        column |= {"low": str(low), "high": str(high)}
    elif len(dates) == 2:
        column |= {"low": str(low)[:40], "high": str(high)[:40]}
    elif there >= 2 * FEW_VALUES and distinct <= FEW_VALUES:
        query = f"SELECT DISTINCT substr({quoted}, 1, 60) FROM {first} WHERE {quoted} IS NOT NULL ORDER BY 1"
        column["values"] = [str(row[0]) for row in connection.execute(query).fetchall()]
    return column


def _keys(connection: sqlite3.Connection, name: str, columns: list[Any]) -> Iterator[str]:
    primary = [column[1] for column in columns if column[5]]
    if primary:
        yield f"primary key {', '.join(primary)}"
    for key in connection.execute(f"PRAGMA foreign_key_list({_name(name)})").fetchall():
        yield f"{key[3]} refers to {key[2]}.{key[4] or 'its primary key'}"


def _sample(
    connection: sqlite3.Connection, made: list[tuple[str, str]], tables: list[dict[str, Any]], rows: int
) -> str:
    """Return the SQL of the schema and of the first rows, and of the rows of other tables to which these refer."""
    wanted = {table["name"]: table["taken"] for table in tables}
    for table in tables:
        names = [row[1] for row in connection.execute(f"PRAGMA table_info({_name(table['name'])})")]
        for key in connection.execute(f"PRAGMA foreign_key_list({_name(table['name'])})").fetchall():
            target = next((name for name in wanted if name.lower() == key[2].lower()), None)
            if rows and target and key[4] and key[3] in names:
                values = list({row[names.index(key[3])] for row in table["taken"]} - {None})
                marks = ", ".join("?" * len(values))
                query = f"SELECT * FROM {_name(target)} WHERE {_name(key[4])} IN ({marks}) LIMIT {rows}"
                found = [list(row) for row in connection.execute(query, values).fetchall()]
                wanted[target] += [row for row in found if row not in wanted[target]]
    lines = [f"{sql};" for _, sql in made]
    for name, taken in wanted.items():
        lines += [f"INSERT INTO {_name(name)} VALUES ({', '.join(map(_literal, row))});" for row in taken]
    return "\n".join(lines) + "\n"


def read_duckdb(path: str, rows: int) -> dict[str, Any]:
    """Return the profile of a DuckDB file, which may read nothing else. Raises ValueError where it is damaged."""
    import duckdb

    from agenthands.data.tabular import described

    config = {"threads": "1", "memory_limit": "800MB", "enable_external_access": "false"}
    try:
        with duckdb.connect(path, read_only=True, config=config) as connection:  # type: ignore[arg-type]
            made = connection.execute("SELECT table_name, sql FROM duckdb_tables() ORDER BY table_oid").fetchall()
            tables, lines = [], []
            for name, sql in made[:MOST_TABLES]:
                table = described(connection, _name(name), rows)
                taken = connection.execute(f"SELECT * FROM {_name(name)} LIMIT {rows}").fetchall()
                keys = connection.execute(
                    "SELECT constraint_text FROM duckdb_constraints() WHERE table_name = ? AND constraint_type IN "
                    "('PRIMARY KEY', 'FOREIGN KEY')", [name],
                ).fetchall()  # fmt: skip
                tables.append({**table, "name": name, "keys": [str(key[0]) for key in keys]})
                lines.append(sql if sql.rstrip().endswith(";") else f"{sql};")
                lines += [f"INSERT INTO {_name(name)} VALUES ({', '.join(map(_literal, row))});" for row in taken]
    except duckdb.Error as error:
        raise ValueError(f"DuckDB cannot read it: {str(error).splitlines()[0][:300]}") from None
    return {"tables": tables, "sample": {"sql": "\n".join(lines) + "\n"}}


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value) if value == value and abs(value) != float("inf") else "NULL"
    if isinstance(value, bytes):
        return f"X'{value[:_MOST_CELL].hex()}'"
    return "'" + str(value)[:_MOST_CELL].replace("'", "''").replace("\0", "") + "'"


def _is_date(text: str) -> bool:
    return len(text) >= 10 and text[:4].isdigit() and text[4] == text[7] == "-"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
