"""Makes a small file of the format of one of the user's: of its first rows, masked, or invented from its schema."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agenthands._util.killable import UnfinishedError, killable
from agenthands.data.masking import Masker

_INVENTED_ROWS = 3


@dataclass(frozen=True)
class Made:
    """A small file: text, or anything in base64; of a database, the SQL that makes it."""

    text: str | None = None
    base64: str = ""
    encoding: str = ""
    sql: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to lay out."""
        return not (self.text or self.base64 or self.sql)


def sample_of(read: Mapping[str, Any], masker: Masker) -> Made:
    """Return the sample of a file that was read, masked; as the file itself is encoded."""
    sample = read["sample"]
    if "sql" in sample:
        return Made(sql=masker.text(sample["sql"]))
    if "text" in sample:
        return _encoded(masker.text(sample["text"]), read.get("encoding", "utf-8"))
    if "pdf" in sample:
        return _binary("pdf", [masker.text(line) for line in sample["pdf"]])
    tables = [
        _plain(table, [[masker.text(cell) for cell in row] for row in table["sample"]]) for table in sample["tables"]
    ]
    return _binary(read["kind"], tables)


def imagined_sample(read: Mapping[str, Any], masker: Masker) -> Made:
    """Return a file of the schema of one that was read, with invented values; nothing where there is no schema."""
    kind, tables = read["kind"], read.get("tables", [])
    if kind in ("sqlite", "duckdb"):
        inserts = [
            f'INSERT INTO "{table["name"]}" ({", ".join(_name(each["name"]) for each in table["columns"])}) '
            f"VALUES ({', '.join(_literal(_invented(each, row)) for each in table['columns'])});"
            for table in tables
            for row in range(1, _INVENTED_ROWS + 1)
        ]
        return Made(sql=_that_works(read["sample"]["sql"], inserts, kind))
    if not tables:
        return Made()
    rows = _rows(tables[0])
    names = [masker.text(column["name"]) for column in tables[0]["columns"]]
    if kind == "csv":
        written = io.StringIO(newline="")
        writer = csv.writer(written, delimiter=read["delimiter"], lineterminator="\n")
        writer.writerows([*([names] if read["sample"]["has_header"] else []), *rows])
        return _encoded(written.getvalue(), read["encoding"])
    if kind in ("json", "jsonl"):
        records = [dict(zip(names, row, strict=True)) for row in rows]
        lines = "".join(f"{json.dumps(record)}\n" for record in records)
        return _encoded(lines if kind == "jsonl" else json.dumps(records, indent=1) + "\n", read["encoding"])
    plain = [_plain(table, [[str(cell) for cell in row] for row in _rows(table)]) for table in tables]
    return _binary(kind, plain)


def make_binary(kind: str, content: list[Any]) -> str:
    """Return a workbook or a Parquet file of `content`, a list of tables, or a PDF of lines, in base64.

    Called where it can be killed.
    """
    makers: Mapping[str, Any] = {"excel": _excel, "parquet": _parquet, "pdf": _pdf}
    return base64.b64encode(makers[kind](content)).decode()


def _encoded(text: str, encoding: str) -> Made:
    if encoding == "utf-8":
        return Made(text=text)
    return Made(base64=base64.b64encode(text.encode(encoding, "replace")).decode(), encoding=encoding)


def _binary(kind: str, content: Sequence[Any]) -> Made:
    try:
        return Made(base64=killable("agenthands.data.samples:make_binary", kind, list(content), cpu_seconds=20.0))
    except (UnfinishedError, RuntimeError):  # of a type that cannot be made from text: then there is no sample
        return Made()


def _plain(table: Mapping[str, Any], rows: list[list[str]]) -> dict[str, Any]:
    columns = [{"name": each["name"], "type": each["type"]} for each in table["columns"]]
    return {"name": table.get("name", ""), "columns": columns, "rows": rows}


def _excel(tables: list[dict[str, Any]]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    for table in tables:
        sheet = book.create_sheet(table["name"])
        sheet.append([column["name"] for column in table["columns"]])
        for row in table["rows"]:
            sheet.append([_cell(cell, column["type"]) for cell, column in zip(row, table["columns"], strict=False)])
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _cell(text: str, kind: str) -> Any:
    import datetime

    readers: dict[str, Any] = {
        "integer": int,
        "number": float,
        "date": datetime.datetime.fromisoformat,
        "boolean": lambda each: each == "True",
    }
    if not text:
        return None
    for name in kind.split(" or "):
        try:
            return readers[name](text)
        except (KeyError, ValueError):
            continue
    return text


def _parquet(tables: list[dict[str, Any]]) -> bytes:
    import duckdb

    table = tables[0]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(":memory:") as connection:
        columns = ", ".join(f"{_name(each['name'])} {each['type']}" for each in table["columns"])
        connection.execute(f"CREATE TABLE sample ({columns})")
        marks = ", ".join(f"CAST(? AS {each['type']})" for each in table["columns"])
        for row in table["rows"]:
            connection.execute(f"INSERT INTO sample VALUES ({marks})", [cell or None for cell in row])
        file = Path(folder) / "sample.parquet"
        connection.execute(f"COPY sample TO '{file}' (FORMAT parquet)")
        return file.read_bytes()


def _pdf(lines: list[str]) -> bytes:
    """Return a PDF of one page with these lines, in Helvetica, as far as Latin-1 goes."""
    escaped = [re.sub(r"([\\()])", r"\\\1", line) for line in lines]
    text = "BT /F1 9 Tf 11 TL 40 800 Td " + " ".join(f"({line}) Tj T*" for line in escaped) + " ET"
    stream = text.encode("cp1252", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    made, starts = bytearray(b"%PDF-1.4\n"), []
    for number, each in enumerate(objects, start=1):
        starts.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    end = b"xref\n0 6\n0000000000 65535 f \n%strailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return bytes(made + end % (table, len(made)))


def _rows(table: Mapping[str, Any]) -> list[list[Any]]:
    return [[_invented(column, number) for column in table["columns"]] for number in range(1, _INVENTED_ROWS + 1)]


def _invented(column: Mapping[str, Any], row: int) -> Any:
    """Return a value of the column's type, a different one in each row."""
    kind = str(column["type"]).upper()
    if "BOOL" in kind:
        return bool(row % 2)
    if "TIMESTAMP" in kind or "DATETIME" in kind:
        return f"2027-01-0{row} 10:00:00"
    if "DATE" in kind:
        return f"2027-01-0{row}"
    if "INT" in kind:
        return row
    if any(part in kind for part in ("DOUB", "FLOA", "REAL", "DEC", "NUM")):
        return row + 0.5
    return f"{column['name'][:40]} {row}"


def _that_works(schema: str, inserts: list[str], kind: str) -> str:
    """Return the schema with those of the invented rows that its constraints allow; of DuckDB, with none."""
    if kind != "sqlite":
        return schema
    lines = [schema]
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(schema)
        for insert in inserts:
            try:
                connection.execute(insert)
            except sqlite3.Error:
                continue
            lines.append(insert + "\n")
    except sqlite3.Error:
        pass
    finally:
        connection.close()
    return "".join(lines)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
