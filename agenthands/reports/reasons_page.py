"""The tables of docs/reasons.md, made from the table of reasons: `python -m agenthands.reports.reasons_page FILE`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from agenthands.reasons import EXIT_CODES, REASONS

_BETWEEN = re.compile(r"(<!-- reasons -->\n).*?(<!-- /reasons -->)", re.DOTALL)


def with_tables(page: str) -> str:
    """Return the page with its tables made anew."""
    codes = ["| exit code | meaning |", "|---|---|"]
    codes += [f"| {code} | {_cell(meaning)} |" for code, meaning in EXIT_CODES.items()]
    rows = ["| code | about | what happened | what to do | exit code |", "|---|---|---|---|---|"]
    rows += [
        f"| `{each.code}` | {each.about} | {_cell(each.meaning)} | {_cell(each.advice)} | {each.exit_code} |"
        for each in REASONS.values()
    ]
    tables = "\n".join([*codes, "", *rows, ""])
    return _BETWEEN.sub(lambda found: found[1] + tables + found[2], page)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(with_tables(file.read_text(encoding="utf-8")), encoding="utf-8")
