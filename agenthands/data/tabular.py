"""Profiles of CSV, JSON lines, JSON and Parquet by DuckDB, which streams. Called where it can be killed."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

MOST_COLUMNS, FEW_VALUES = 100, 12
HEAD_BYTES = 32 * 1024**2
"""How much of a text is read; the rest of a larger one is known by its size alone."""
_MOST_ROWS = 200_000
_MOST_CELL = 300
_NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "DATE", "TIMESTAMP", "TIME")


def read_csv(path: str, rows: int, scratch: str, head_bytes: int = HEAD_BYTES) -> dict[str, Any]:
    """Return the profile of a CSV file, with the text of its header and first rows, as they are written."""
    text, encoding, whole = decoded_head(path, head_bytes)
    head = Path(scratch) / "head.csv"
    head.write_text(text, encoding="utf-8", newline="")
    connection = _connection()
    quoted = _quoted(str(head))
    sniffed = connection.execute(
        f"SELECT Delimiter, Quote, HasHeader FROM sniff_csv({quoted}, ignore_errors=true, strict_mode=false,"
        " max_line_size=16000000)"
    ).fetchone()
    delimiter, quote, has_header = sniffed or (",", '"', True)
    if text.count("\n") <= 1 or not has_header:
        delimiter, has_header = _guessed(text, delimiter)
    quote = quote if isinstance(quote, str) and len(quote) == 1 and quote != "\0" else '"'
    relation = (
        f"read_csv({quoted}, delim={_quoted(delimiter)}, quote={_quoted(quote)}, header={str(has_header).lower()},"
        " ignore_errors=true, null_padding=true, strict_mode=false, max_line_size=16000000)"
    )
    table = described(connection, relation, rows)
    table |= {"exact": whole}
    records = _first_records(text, delimiter, quote, max(rows, 0) + int(has_header))
    notes = [] if has_header else ["It has no header: the names of columns are made up."]
    if not whole:
        size, read = Path(path).stat().st_size, len(text.encode(encoding, "replace"))
        about = round(int(table["rows"] or 0) * size / max(1, read))
        notes.append(f"Only the beginning was read; by its size it has about {about:,} rows.")
    if more := table["more_columns"]:
        notes.append(f"The sample has the first {MOST_COLUMNS} columns, without the {more:,} others.")
    for column, at in zip(table["columns"], range(MOST_COLUMNS), strict=False):
        column["note"] = _written([record[at] for record in records[int(has_header) :] if at < len(record)])
    end = "\r\n" if "\r\n" in text[:100_000] else "\n"
    return {
        "encoding": encoding,
        "delimiter": delimiter,
        "tables": [table],
        "notes": notes,
        "sample": {"text": _csv_text(records, delimiter, quote, end), "has_header": has_header},
    }


def read_jsonl(path: str, rows: int, scratch: str, head_bytes: int = HEAD_BYTES) -> dict[str, Any]:
    """Return the profile of a file with one JSON value a line, with its first lines."""
    text, encoding, whole = decoded_head(path, head_bytes)
    head = Path(scratch) / "head.jsonl"
    head.write_text(text, encoding="utf-8", newline="")
    relation = f"read_json({_quoted(str(head))}, format='newline_delimited', ignore_errors=true)"
    table = {**described(_connection(), relation, rows), "exact": whole}
    lines = [line for line in text.splitlines() if line.strip()][:rows]
    notes = [] if whole else ["Only the beginning was read."]
    sample = {"text": "".join(f"{line}\n" for line in lines)}
    return {"encoding": encoding, "tables": [table], "notes": notes, "sample": sample}


def read_json(path: str, rows: int, scratch: str, head_bytes: int = HEAD_BYTES) -> dict[str, Any]:
    """Return the profile of a JSON document, with the document itself, its lists cut."""
    if Path(path).stat().st_size > head_bytes:
        relation = f"read_json({_quoted(path)}, format='array', maximum_object_size={head_bytes})"
        connection = _connection()
        table = described(connection, relation, rows)
        found = connection.execute(f"SELECT to_json(t) FROM {relation} AS t LIMIT {rows}").fetchall()
        document: Any = [json.loads(row[0]) for row in found]
        encoding, tables = "utf-8", [{**table, "exact": table["rows"] < _MOST_ROWS}]
    else:
        text, encoding, _ = decoded_head(path, head_bytes)
        document = json.loads(text)
        is_rows = isinstance(document, list) and document and all(isinstance(each, dict) for each in document)
        source = Path(scratch) / "document.json"
        if is_rows:
            source.write_text(text, encoding="utf-8")
            relation = f"read_json({_quoted(str(source))}, format='array', maximum_object_size={head_bytes})"
            tables = [described(_connection(), relation, rows)]
        else:
            tables = []
    return {
        "encoding": encoding,
        "tables": tables,
        "outline": outline(document),
        "sample": {"text": json.dumps(_cut(document, rows), indent=1, ensure_ascii=False) + "\n" if rows else ""},
    }


def read_parquet(path: str, rows: int) -> dict[str, Any]:
    """Return the profile of a Parquet file; the number of its rows stands in it."""
    connection = _connection()
    relation = f"read_parquet({_quoted(path)})"
    counted = connection.execute(f"SELECT sum(num_rows) FROM parquet_file_metadata({_quoted(path)})").fetchone()
    table = described(connection, relation, rows, sample=True) | {"rows": int(counted[0] or 0), "exact": True}
    return {"tables": [table], "sample": {"tables": [table]}}


def described(connection: Any, relation: str, rows: int, sample: bool = False) -> dict[str, Any]:
    """Return a table's columns, its number of rows and, if wanted, its first rows, by DuckDB.

    Of the values nothing is told if `rows` is 0. No more than 200,000 rows are looked at.
    """
    columns = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    shown = [(str(name), str(kind)) for name, kind, *_ in columns[:MOST_COLUMNS]]
    cells = "".join(
        f", count({_name(name)}), approx_count_distinct({_name(name)}), {_bound('min', name, kind)}, "
        f"{_bound('max', name, kind)}"
        for name, kind in shown
    )
    first = f"(SELECT * FROM {relation} LIMIT {_MOST_ROWS})"
    count, *stats = connection.execute(f"SELECT count(*){cells} FROM {first}").fetchone()
    found: dict[str, Any] = {"rows": count, "exact": count < _MOST_ROWS, "more_columns": len(columns) - len(shown)}
    found["columns"] = [
        _column(connection, first, each, stats[4 * at : 4 * at + 4], count, rows) for at, each in enumerate(shown)
    ]
    if sample and rows:
        names = ", ".join(f"CAST({_name(name)} AS VARCHAR)" for name, _ in shown)
        taken = connection.execute(f"SELECT {names} FROM {relation} LIMIT {rows}").fetchall()
        found["sample"] = [["" if each is None else str(each)[:_MOST_CELL] for each in row] for row in taken]
    return found


def _column(
    connection: Any, relation: str, named: tuple[str, str], stats: list[Any], count: int, rows: int
) -> dict[str, Any]:
    name, kind = named
    column: dict[str, Any] = {"name": name, "type": kind[:300]}
    if not rows:
        return column
    there, distinct, low, high = stats
    column |= {"nulls": count - there, "distinct": distinct, "low": str(low or ""), "high": str(high or "")}
    if kind == "VARCHAR" and there >= 2 * FEW_VALUES and 0 < distinct <= FEW_VALUES:
        query = f"SELECT DISTINCT left({_name(name)}, 60) AS v FROM {relation} WHERE v IS NOT NULL ORDER BY v LIMIT 20"
        column["values"] = [row[0] for row in connection.execute(query).fetchall()]
    return column


def _bound(function: str, name: str, kind: str) -> str:
    ordered = kind.startswith(_NUMBERS) or "INT" in kind.partition("(")[0]
    plain = ordered and not kind.endswith("]") and not kind.startswith(("STRUCT", "MAP"))
    return f"CAST({function}({_name(name)}) AS VARCHAR)" if plain else "NULL"


def _connection() -> Any:
    import duckdb

    config = {"threads": "1", "memory_limit": "800MB", "autoinstall_known_extensions": "false",
              "autoload_known_extensions": "false"}  # fmt: skip
    connection = duckdb.connect(":memory:", config=config)  # type: ignore[arg-type]
    connection.execute("SET preserve_insertion_order = true")
    return connection


def decoded_head(path: str, head_bytes: int = HEAD_BYTES) -> tuple[str, str, bool]:
    """Return the first part of a text up to the end of a line, its encoding, and whether that is all of it.

    Raises ValueError for what is no text.
    """
    with Path(path).open("rb") as file:
        head = file.read(head_bytes + 1)
    whole = len(head) <= head_bytes
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not wide and b"\0" in head:
        raise ValueError("it holds zero bytes, so it is no text")
    if not whole:
        end = head.rfind(b"\n", 0, head_bytes)
        if end < 0:
            raise ValueError(f"its first line is longer than {head_bytes:,} bytes")
        head = head[: end + 1]
    for encoding in ("utf-16",) if wide else ("utf-8-sig" if head.startswith(b"\xef\xbb\xbf") else "utf-8", "cp1252"):
        try:
            return head.decode(encoding), encoding, whole
        except UnicodeDecodeError:
            continue
    return head.decode("latin-1"), "latin-1", whole


def outline(value: Any, depth: int = 0) -> str:
    """Return the structure of a JSON value without its values; names that are data themselves are left out."""
    if isinstance(value, dict):
        if depth >= 6 or not value:
            return "{}" if not value else "{...}"
        if len(value) > 40:
            return "{<name>: " + outline(next(iter(value.values())), depth + 1) + ", ...}"
        return "{" + ", ".join(f"{key[:60]}: {outline(each, depth + 1)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{outline(value[0], depth + 1)}, ...]" if value else "[]"
    kinds = {bool: "boolean", int: "integer", float: "number", str: "text", type(None): "null"}
    return kinds[type(value)]


def _cut(value: Any, rows: int) -> Any:
    if isinstance(value, dict):
        return {key: _cut(each, rows) for key, each in list(value.items())[:MOST_COLUMNS]}
    if isinstance(value, list):
        return [_cut(each, rows) for each in value[:rows]]
    return value[:_MOST_CELL] if isinstance(value, str) else value


def _first_records(text: str, delimiter: str, quote: str, count: int) -> list[list[str]]:
    csv.field_size_limit(2**24)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote)
    records: list[list[str]] = []
    for record in reader:
        if len(records) >= count:
            break
        if record:
            records.append([cell[:_MOST_CELL] for cell in record[:MOST_COLUMNS]])
    return records


def _csv_text(records: list[list[str]], delimiter: str, quote: str, end: str) -> str:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, quotechar=quote, lineterminator=end).writerows(records)
    return written.getvalue()


def _guessed(text: str, delimiter: str) -> tuple[str, bool]:
    """Return the delimiter and whether there is a header, of a text that DuckDB cannot tell from data: a short one."""
    first = text.partition("\n")[0]
    found = max(",;\t|", key=first.count)
    used = found if first.count(found) else delimiter
    names = [name.strip().strip('"') for name in first.strip("\r").split(used)]
    is_header = len(set(names)) == len(names) and all(
        name and not name[0].isdigit() and name[0] not in "-+" for name in names
    )
    return used, is_header


def _written(values: list[str]) -> str:
    """Return how figures are written, if not as Python writes them."""
    import re

    there = [value.strip() for value in values if value.strip()]
    if there and all(re.fullmatch(r"[-+]?\d{1,3}(\.\d{3})*,\d+|[-+]?\d+,\d+", value) for value in there):
        return "figures with a decimal comma"
    return ""


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
