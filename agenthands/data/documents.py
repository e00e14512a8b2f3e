"""Profiles of Excel workbooks, PDF and plain text. Called where it can be killed."""

from __future__ import annotations

import datetime
import itertools
from pathlib import Path
from typing import Any

from agenthands.data.tabular import FEW_VALUES, MOST_COLUMNS, decoded_head

_MOST_SHEETS, _MOST_ROWS = 20, 20_000
_MOST_PAGES, _LINES_A_ROW, _MOST_LINE = 500, 8, 300
_HEAD_BYTES = 4 * 1024**2


def read_excel(path: str, rows: int) -> dict[str, Any]:
    """Return the profile of a workbook, a table a sheet. Raises ValueError where it cannot be read."""
    import zipfile

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        tables = [_sheet(sheet, rows) for sheet in sheets[:_MOST_SHEETS]]
    except (zipfile.BadZipFile, InvalidFileException, KeyError, OSError) as error:
        raise ValueError(f"openpyxl cannot read it: {str(error)[:200]}") from None
    notes = [f"{len(sheets) - _MOST_SHEETS} more sheets."] if len(sheets) > _MOST_SHEETS else []
    return {"tables": tables, "notes": notes, "sample": {"tables": tables}}


def _sheet(sheet: Any, rows: int) -> dict[str, Any]:
    """Return a sheet as a table; its first line that is not empty has the names."""
    lines = (list(line[:MOST_COLUMNS]) for line in sheet.iter_rows(values_only=True, max_row=_MOST_ROWS + 1))
    filled = (line for line in lines if any(cell is not None for cell in line))
    header = next(filled, [])
    while header and header[-1] is None:
        header.pop()
    taken = list(itertools.islice(filled, _MOST_ROWS))
    columns = [
        _column(
            str(name if name is not None else f"column {at + 1}"), [row[at] for row in taken if at < len(row)], rows
        )
        for at, name in enumerate(header)
    ]
    return {
        "name": sheet.title,
        "columns": columns,
        "rows": len(taken),
        "exact": len(taken) < _MOST_ROWS - 1,
        "sample": [
            ["" if cell is None else str(cell)[:_MOST_LINE] for cell in row[: len(header)]] for row in taken[:rows]
        ],
    }


def _column(name: str, values: list[Any], rows: int) -> dict[str, Any]:
    there = [value for value in values if value is not None]
    kinds = sorted({_kind(value) for value in there}) or ["empty"]
    column: dict[str, Any] = {"name": name[:200], "type": " or ".join(kinds)}
    if not rows:
        return column
    different = {str(value)[:60] for value in there}
    column |= {"nulls": len(values) - len(there), "distinct": len(different)}
    if there and len(kinds) == 1 and kinds[0] in ("integer", "number", "date"):
        column |= {"low": str(min(there)), "high": str(max(there))}
    elif len(there) >= 2 * FEW_VALUES and len(different) <= FEW_VALUES:
        column["values"] = sorted(different)
    return column


def _kind(value: Any) -> str:
    kinds: list[tuple[Any, str]] = [
        (bool, "boolean"), (int, "integer"), (float, "number"), ((datetime.datetime, datetime.date), "date"),
        (datetime.time, "time"), (str, "text"),
    ]  # fmt: skip
    return next((name for kind, name in kinds if isinstance(value, kind)), "text")


def read_pdf(path: str, rows: int) -> dict[str, Any]:
    """Return how many pages a PDF has, and the first lines of its text. Raises ValueError where it cannot be read."""
    import pypdf

    try:
        document = pypdf.PdfReader(path)
        if document.is_encrypted and not document.decrypt(""):
            raise ValueError("it is protected by a password")
        pages = len(document.pages)
        text = ""
        for page in document.pages[: min(pages, _MOST_PAGES)]:
            text = page.extract_text()
            if text.strip():
                break
    except (pypdf.errors.PyPdfError, OSError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"pypdf cannot read it: {str(error)[:200] or type(error).__name__}") from None
    notes = [f"{pages} page{'s' * (pages != 1)}."]
    if not text.strip():
        notes.append("It has no text, only pictures: nothing here reads those.")
    lines = [line.rstrip()[:_MOST_LINE] for line in text.splitlines()][: rows * _LINES_A_ROW]
    return {"lines": lines, "notes": notes, "sample": {"pdf": lines}}


def read_text(path: str, rows: int) -> dict[str, Any]:
    """Return the encoding of a text, how many lines it has, and the first of them. Raises ValueError if it is none."""
    text, encoding, whole = decoded_head(path, _HEAD_BYTES)
    lines = text.splitlines()
    first = [line[:_MOST_LINE] for line in lines[: rows * _LINES_A_ROW]]
    count = f"{'' if whole else 'At least '}{len(lines):,} lines."
    return {
        "encoding": encoding,
        "lines": first,
        "notes": [count],
        "sample": {"text": "".join(f"{each}\n" for each in first)},
    }


def is_protected(path: str) -> bool:
    """Return whether a workbook is an encrypted one: a container of the older format with an encrypted package."""
    with Path(path).open("rb") as file:
        return "EncryptedPackage".encode("utf-16-le") in file.read(2 * 1024**2)
