"""The charts of a report as text: when things happened, and where money and tokens went."""

from __future__ import annotations

from collections.abc import Sequence

from agenthands._util.formatting import cells, cut, duration, money, one_line, pad, tick
from agenthands.reports.charts import Segment, SpendingRow, Timeline, TimelineRow
from agenthands.reports.terminal.layout import table, width

_BAR, _NAME, _SHORT_BAR = 48, 30, 16
_TOOK = 12  # what stands behind a bar
_MARKS = {"stage": "=", "coding": "c", "checking": "g"}


def timeline_lines(chart: Timeline) -> list[str]:
    """Draw stages and attempts on one scale: `=` a stage, `c` the coder at work, `g` the gate."""
    if not chart.rows:
        return []
    names = [cut(one_line(f"{'- ' if row.is_tool else ''}{row.name}"), _NAME) for row in chart.rows]
    first = max(cells(name) for name in names)
    room = min(_BAR, width() - first - _TOOK - 4)
    lines = [
        f"{pad(name, first)}  {pad(_bars(row, chart, room), room)}  {_took(row)}"
        for name, row in zip(names, chart.rows, strict=True)
    ]
    return [f"{' ' * first}  {_scale(chart, room)}".rstrip(), *lines, _legend(chart)]


def _legend(chart: Timeline) -> str:
    if not chart.placed:
        return "This record does not say when a stage began; all bars begin at 0."
    return "= stage, c the coder at work, g the gate" if any(row.is_tool for row in chart.rows) else "= stage"


def _took(row: TimelineRow) -> str:
    return row.note or duration(row.seconds)


def _scale(chart: Timeline, room: int) -> str:
    marks = [" "] * (room + 8)
    for each in chart.ticks:
        at = round(each / chart.total * room)
        label = tick(each)
        marks[at : at + len(label)] = label
    return "".join(marks).rstrip()


def _bars(row: TimelineRow, chart: Timeline, room: int) -> str:
    places = [" "] * room
    for segment in row.segments:
        first, last = _span(segment, chart, room)
        places[first : last + 1] = _MARKS[segment.doing] * (last + 1 - first)
    return "".join(places)


def _span(segment: Segment, chart: Timeline, room: int) -> tuple[int, int]:
    """Return the first and the last place of a bar, which has at least one."""
    first = min(room - 1, round(segment.started / chart.total * room))
    last = round((segment.started + segment.seconds) / chart.total * room) - 1
    return first, max(first, min(room - 1, last))


def spending_lines(rows: Sequence[SpendingRow], together: SpendingRow) -> list[str]:
    """Return calls, tokens (cached ones too) and cost of each stage and tool, with a bar for the tokens."""
    if not rows:
        return []
    most = max((row.all_tokens for row in rows), default=0) or 1
    counted = any(row.calls for row in rows)
    cached = any(row.tokens.cached for row in rows)
    lines = [("for", "tokens", "cached" if cached else "", "", "calls" if counted else "", "cost")]
    for row in (*rows, together):
        bar = "" if row is together else "#" * round(_SHORT_BAR * row.all_tokens / most)
        lines.append(
            (
                f"{'- ' if row.is_tool else ''}{row.name}{f' ({row.note})' if row.note else ''}",
                f"{row.all_tokens:,}",
                f"{row.tokens.cached:,}" if cached else "",
                bar,
                f"{row.calls:,}" if row.calls else "",
                "unknown" if row.cost_usd is None else money(row.cost_usd),
            )
        )
    return table(lines, {1, 2, 4})
