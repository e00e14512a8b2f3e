"""Plain text with aligned columns, for a terminal or a file. Foreign text is made harmless here."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

from agenthands._util.formatting import cells, one_line, pad, plain
from agenthands.reports.jinja import shortened

WIDTH = 96
LABEL = 10
Row = Sequence[str]
_INDENT, _NARROWEST, _NARROWEST_COLUMN = 2, 56, 24
_LONGEST_LINE = 2000


def terminal_columns() -> int:
    """Return how wide the terminal is; very wide where what is printed goes elsewhere, and nothing has to fit."""
    return shutil.get_terminal_size((1000, 24)).columns


def width() -> int:
    """Return how wide a text may be before a section indents it: as the terminal, and no wider than is read easily."""
    return max(_NARROWEST, min(WIDTH, terminal_columns() - _INDENT))


def fitted(text: str) -> str:
    """Break a message of ours at its words where the terminal would break it anywhere; its own lines stay.

    Names of files and words of models in it are made harmless.
    """
    room = max(_NARROWEST_COLUMN, terminal_columns())
    lines = [
        textwrap.wrap(plain(line), room, break_long_words=False, break_on_hyphens=False) or [""]
        for line in text.split("\n")
    ]
    return "\n".join(part for line in lines for part in line)


def fact(label: str, text: str) -> list[str]:
    """Return a text behind its label."""
    return wrapped(text, pad(label, LABEL))


def section(title: str, lines: Sequence[str]) -> list[str]:
    """Return a heading and its lines, indented; nothing where there are none."""
    indent = " " * _INDENT
    return [title, *((indent + line).rstrip() for text in lines for line in text.split("\n"))] if lines else []


def wrapped(text: str, start: str = "") -> list[str]:
    """Break foreign text into lines that fit, the first behind `start` and the others below it."""
    return textwrap.wrap(
        one_line(text, 2000), width(), initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False
    )


def table(
    rows: Sequence[Row], right: frozenset[int] | set[int] = frozenset(), longest: int = 400, start: str = ""
) -> list[str]:
    """Align rows in columns, one text a row; `right` names the columns of numbers. The last column is wrapped.

    A cell is cut after `longest` characters; each line stands behind `start`.
    """
    clean = [[one_line(cell, longest) for cell in row] for row in rows]
    widths = [max(cells(row[column]) for row in clean) for column in range(len(rows[0]))] if rows else []
    indent = len(start) + sum(widths[:-1]) + 2 * len(widths[:-1])
    room = max(_NARROWEST_COLUMN, width() - indent)
    texts = []
    for row in clean:
        *filled, last = (pad(cell, widths[column], column in right) for column, cell in enumerate(row))
        parts = textwrap.wrap(last, room, drop_whitespace=True) if last.strip() else []
        texts.append(start + "  ".join([*filled, f"\n{' ' * indent}".join(parts)]).rstrip())
    return texts


def code_line(line: str, longest: int = _LONGEST_LINE) -> str:
    """Keep a line's spaces, and nothing that a terminal acts on."""
    text = plain(line[: longest * 8].expandtabs(4)).rstrip()
    return text if len(text) <= longest else text[: longest - 3] + "..."


def code(text: str) -> list[str]:
    """Return foreign code line by line; a terminal breaks lines that are too long, so that they can be copied."""
    return [code_line(line) for line in shortened(text).splitlines()]


def prose(text: str, start: str = "", longest: int = 50_000) -> list[str]:
    """Return a foreign text with its own lines, each behind `start` and broken where it does not fit."""
    lines = []
    for line in shortened(text, longest).splitlines():
        fitting = textwrap.wrap(code_line(line, longest), width() - len(start), break_on_hyphens=False)
        lines += [start + each for each in fitting or [""]]
    return lines


def moment(started_at: str) -> str:
    """Say a time of a record up to its minute."""
    return one_line(started_at)[:16].replace("T", " ")
