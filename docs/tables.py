"""Writes the tables of README.md and docs/ that are made from the code, each between its two markers.

`make docs` runs it; with `--check` it writes nothing and ends with 1 where a table is not as the code has it.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from agenthands.gate.checks.registry import CHECKS
from agenthands.sandbox.registry import SANDBOXES

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/gate.md", "docs/security.md")


def table(*rows: Sequence[str]) -> str:
    """Return rows as a Markdown table; the first one is its heading."""
    heading, *others = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([heading, f"|{'---|' * len(rows[0])}", *others])


def gate_summary() -> str:
    """Return what the main checks ask for."""
    checks = [(f"`{check.name}`", check.summary) for check in CHECKS if check.headline]
    return table(("check", "a tool passes when"), *checks)


def gate_checks() -> str:
    """Return what each check asks for and what to do when it fails; a warning is called one."""
    checks = [
        (f"`{check.name}`" + ("" if check.required else " (a warning)"), check.summary, check.fix) for check in CHECKS
    ]
    return table(("check", "a tool passes when", "when it fails"), *checks)


def sandboxes() -> str:
    """Return how the sandboxes differ."""
    kinds = [(f"`{kind.name}`", kind.needs, kind.bounds, kind.starts) for kind in SANDBOXES.values()]
    return table(("`--sandbox`", "needs", "bounds", "starts"), *kinds)


TABLES = {"gate summary": gate_summary, "gate checks": gate_checks, "sandboxes": sandboxes}


def with_tables(text: str) -> str:
    """Return a page with each table made anew. Raises KeyError for a marker that names no table."""
    pattern = re.compile(r"(<!-- table: ([a-z ]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}", text)


def main() -> int:
    """Write the pages, or name those that are out of date."""
    wrong = [page for page in PAGES if (text := (ROOT / page).read_text()) != with_tables(text)]
    for page in wrong:
        if "--check" in sys.argv[1:]:
            print(f"{page}: a table is not as the code has it; run `make docs`.")
        else:
            (ROOT / page).write_text(with_tables((ROOT / page).read_text()))
            print(f"{page} written")
    return 1 if wrong and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
