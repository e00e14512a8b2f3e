"""What differs between two builds, and the line of an agent's builds, as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from agenthands._util.formatting import duration, money, one_line
from agenthands.reports.comparison import Change, Comparison, Figure
from agenthands.reports.terminal.layout import code_line, moment, section, table, wrapped
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
    rows = [("BUILD", "REVISION", "STATUS", "COST", "TOOLS MADE", "STARTED (UTC)", "WISH")]
    for record in records:
        made = sum(not tool.cached for tool in record.tools)
        of = f"{record.revision} of {record.parent}" if record.parent else "1"
        wish = one_line(record.change, 200) or (f"feedback {', '.join(record.feedback)}" if record.feedback else "")
        rows.append(
            (
                record.build_id,
                of,
                record.status,
                money(record.cost_usd),
                str(made),
                moment(record.started_at),
                wish or "-",
            )
        )
    return "\n".join(table(rows, {4}))


def _named(record: BuildRecord) -> str:
    return f"{one_line(record.build_id)} (revision {record.revision}, {record.status})"


def _change(change: Change) -> list[str]:
    lines = [f"  {code_line(line)}" for line in change.lines if not line.startswith("@@")]
    return [f"{_MARKS[change.kind]} {one_line(change.name)}", *lines]


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
