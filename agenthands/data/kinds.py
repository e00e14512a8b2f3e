"""Tells of what kind a file is, by its first bytes and then its name, and reads it. Called where it can be killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agenthands.data import databases, documents, tabular

_BY_SUFFIX = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".json": "json", ".geojson": "json", ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}  # fmt: skip
_MAGIC = ((0, b"SQLite format 3\0", "sqlite"), (0, b"PAR1", "parquet"), (8, b"DUCK", "duckdb"), (0, b"%PDF-", "pdf"))
_ZIPPED = (".xlsx", ".xlsm")


def read_file(path: str, rows: int, scratch: str, head_bytes: int) -> dict[str, Any]:
    """Return {"kind", "bytes", ...} of a file, as its reader does, or {"fault": sentence, "hint": sentence}.

    `scratch` is a folder that is the reader's own; `head_bytes` is how much of a text is read.
    """
    kind, fault, hint = _kind(path)
    if fault:
        return {"fault": fault, "hint": hint}
    readers: dict[str, Any] = {
        "csv": lambda: tabular.read_csv(path, rows, scratch, head_bytes),
        "jsonl": lambda: tabular.read_jsonl(path, rows, scratch, head_bytes),
        "json": lambda: tabular.read_json(path, rows, scratch, head_bytes),
        "parquet": lambda: tabular.read_parquet(path, rows),
        "sqlite": lambda: databases.read_sqlite(path, rows),
        "duckdb": lambda: databases.read_duckdb(path, rows),
        "excel": lambda: documents.read_excel(path, rows),
        "pdf": lambda: documents.read_pdf(path, rows),
        "text": lambda: documents.read_text(path, rows),
    }
    try:
        return {"kind": kind, "bytes": Path(path).stat().st_size, **readers[kind]()}
    except Exception as error:  # of a library that meets a damaged file
        said = str(error).partition("\n")[0][:300] or type(error).__name__
        return {"fault": f"cannot be read as {kind}: {said}", "hint": "Repair it, or leave it out."}


def _kind(path: str) -> tuple[str, str, str]:
    """Return the kind of a file, or why it is not read and what to do about that."""
    with Path(path).open("rb") as file:
        first = file.read(4096)
    suffix = Path(path).suffix.lower()
    for at, magic, kind in _MAGIC:
        if first[at:].startswith(magic):
            return kind, "", ""
    if first.startswith(b"\xd0\xcf\x11\xe0"):
        if documents.is_protected(path):
            return "", "is protected by a password", "Save it without one, or leave it out."
        return "", "is in an old format of Office", "Save it as .xlsx or .csv."
    if first.startswith(b"PK\x03\x04"):
        if suffix in _ZIPPED:
            return "excel", "", ""
        return "", "is an archive", "Unpack it, and give the folder."
    if first.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")):
        return "", "is compressed", "Unpack it first."
    if suffix in (*_ZIPPED, ".sqlite", ".sqlite3", ".db", ".duckdb", ".parquet", ".pdf"):
        return "", f"is no file of the kind that its name says ({suffix})", "Look whether it is damaged or cut off."
    if b"\0" in first and not first.startswith((b"\xff\xfe", b"\xfe\xff")):
        return (
            "",
            "is neither a text nor a format that is known",
            "Known are CSV, JSON, Excel, PDF, Parquet, SQLite, DuckDB and text.",
        )
    return _BY_SUFFIX.get(suffix, "text"), "", ""
