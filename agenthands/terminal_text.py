"""Plain text with aligned columns, for a terminal or a file. Foreign text is made harmless here."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from agenthands.wording import cells, one_line, pad

WIDTH = 96
LABEL = 10
Row = Sequence[str]


def fact(label: str, text: str) -> list[str]:
    """Give a text behind its label."""
    return wrapped(text, pad(label, LABEL))


def section(title: str, lines: Sequence[str]) -> list[str]:
    """Give a heading and its lines, indented; nothing where there are none."""
    return [title, *(f"  {line}" for text in lines for line in text.split("\n"))] if lines else []


def wrapped(text: str, start: str = "") -> list[str]:
    """Break foreign text into lines that fit, the first behind `start` and the others below it."""
    return textwrap.wrap(
        one_line(text, 2000), WIDTH, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False
    )


def table(rows: Sequence[Row], right: frozenset[int] | set[int] = frozenset()) -> list[str]:
    """Align rows in columns, one text a row; `right` names the columns of numbers. The last column is wrapped."""
    clean = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(cells(row[column]) for row in clean) for column in range(len(rows[0]))] if rows else []
    indent = sum(widths[:-1]) + 2 * len(widths[:-1])
    texts = []
    for row in clean:
        *filled, last = (pad(cell, widths[column], column in right) for column, cell in enumerate(row))
        parts = textwrap.wrap(last, max(40, WIDTH - indent), drop_whitespace=True) if last.strip() else []
        texts.append("  ".join([*filled, f"\n{' ' * indent}".join(parts)]).rstrip())
    return texts


def code_line(line: str) -> str:
    """Keep a line's indentation, and nothing that a terminal acts on."""
    return " " * (len(line) - len(line.lstrip())) + one_line(line)


def moment(started_at: str) -> str:
    """Say a time of a record up to its minute."""
    return one_line(started_at)[:16].replace("T", " ")
