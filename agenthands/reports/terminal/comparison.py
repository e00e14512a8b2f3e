"""What differs between two builds, and the line of an agent's builds, as plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from agenthands._util.formatting import count, duration, money, one_line
from agenthands.reports.comparison import Change, Comparison, Figure
from agenthands.reports.terminal.layout import code_line, section, table, width, wrapped
from agenthands.schemas import BuildRecord

_MARKS = {"added": "+", "removed": "-", "changed": "~"}
_OUTCOMES = {"passed": "ok", "failed": "FAILED", "not_tried": "not tried"}


def comparison_text(found: Comparison) -> str:
    """Return what differs between two builds, the plan first, the code then, cases and cost last."""
    before, after = found.before, found.after
    parts = [
        [f"{_named(before)}  ->  {_named(after)}", *wrapped(after.change, "wished: ")],
        *(
            section(title, [line for change in changes for line in _change(change)])
            for title, changes in found.sections
        ),
        section("Outcomes of test cases", table([_outcomes(figure) for figure in found.cases])),
        section("Cost", table([("", before.build_id, after.build_id), *(_figure(each) for each in found.figures)])),
    ]
    if found.same:
        parts.insert(1, ["Plan and code are the same."])
    return "\n\n".join("\n".join(part) for part in parts if part)


def history_text(records: Sequence[BuildRecord]) -> str:
    """Return one line a build of an agent, the newest first: what it revises, how it ended, and what was wished."""
    rows = [("BUILD", "REVISION", "REVISES", "STATUS", "COST", "MADE", "WISH")]
    for record in records:
        made = sum(not tool.cached for tool in record.tools)
        answers = count(len(record.feedback), "feedback note") if record.feedback else ""
        wish = "; ".join(filter(None, (one_line(record.change, 200), answers))) or "-"
        line = record.build_id, str(record.revision), record.parent or "-", record.status
        rows.append((*line, money(record.cost_usd), count(made, "tool"), wish))
    return "\n".join(table(rows, {1, 4}))


def _named(record: BuildRecord) -> str:
    return f"{one_line(record.build_id)} (revision {record.revision}, {record.status})"


def _change(change: Change) -> list[str]:
    lines = [f"{_MARKS[change.kind]} {one_line(change.name)}"]
    for line in change.lines:
        if not line.startswith("@@"):
            fitting = textwrap.wrap(code_line(line), width() - 4, subsequent_indent="  ", drop_whitespace=False)
            lines += [f"  {part}" for part in fitting]
    return lines


def _outcomes(figure: Figure) -> tuple[str, ...]:
    one, other = (_OUTCOMES.get(str(each), "-") for each in (figure.before, figure.after))
    return figure.name, one, "->", other


def _figure(figure: Figure) -> tuple[str, ...]:
    return figure.name, _said(figure.name, figure.before), _said(figure.name, figure.after)


def _said(name: str, value: float | str | None) -> str:
    if name == "cost":
        return money(value if isinstance(value, float | int) else None)
    if name == "seconds" and isinstance(value, float | int):
        return duration(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
