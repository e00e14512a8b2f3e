"""What the charts of a report show, as figures: when things happened, and where money and tokens went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from agenthands._util.formatting import cut_off
from agenthands.schemas import BuildRecord, Spending, StageTime, Tokens, ToolOutcome, add_costs

STAGES = {
    "start": "Start",
    "environment": "Environment",
    "plan": "Plan",
    "servers": "MCP servers",
    "tools": "Tools",
    "assemble": "Package",
    "accept": "Test cases",
    "publish": "Store",
}
_PARTS = {"plan": "planning", "accept": "test cases"}
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400)
_MOST_TICKS = 5
_SHORTEST_GAP = 0.1


@dataclass(frozen=True)
class Segment:
    """One bar of a row: from when, how long, and what was done."""

    doing: Literal["stage", "coding", "checking"]
    started: float
    seconds: float
    attempt: int = 0


@dataclass(frozen=True)
class TimelineRow:
    """A stage, or a tool within the stage of the tools; `note` says what its bars cannot."""

    name: str
    is_tool: bool
    seconds: float
    segments: Sequence[Segment]
    note: str = ""


@dataclass(frozen=True)
class Timeline:
    """All rows on one scale of `total` seconds, with a mark each `step`.

    Where a record does not say when its stages began (`placed` is false), all bars begin at zero.
    """

    rows: Sequence[TimelineRow]
    total: float
    step: float
    placed: bool

    @property
    def ticks(self) -> list[float]:
        """Return the marks of the scale, zero first."""
        return [round(number * self.step, 3) for number in range(int(self.total / self.step) + 1)]


@dataclass(frozen=True)
class SpendingRow:
    """What one stage, or one tool, cost in models; `calls` is 0 where nobody counted them."""

    name: str
    is_tool: bool
    calls: int
    cost_usd: float | None
    tokens: Tokens = field(default_factory=Tokens)
    note: str = ""

    @property
    def all_tokens(self) -> int:
        """Return prompt and completion together."""
        return self.tokens.prompt + self.tokens.completion


@dataclass(frozen=True)
class Payment:
    """What one model cost in one stage, or in one attempt at a tool; `part` says which."""

    part: str
    model: str
    calls: int
    cost_usd: float | None
    tokens: Tokens


def timeline(record: BuildRecord) -> Timeline:
    """Return stages in the order in which they began, and the tools below theirs."""
    placed = all(stage.started is not None for stage in record.stages)
    stages = sorted(record.stages, key=lambda stage: stage.started or 0.0) if placed else record.stages
    last_of_tools = next((n for n, stage in reversed(list(enumerate(stages))) if stage.name == "tools"), None)
    rows = []
    for number, stage in enumerate(stages):
        rows.append(_stage_row(stage))
        if number == last_of_tools:
            rows += [_tool_row(tool, record, placed) for tool in record.tools]
    if placed and (gaps := _gaps(stages, record.seconds)):
        rows.append(TimelineRow("Between stages", False, round(sum(gap.seconds for gap in gaps), 3), gaps))
    ends = [each.started + each.seconds for row in rows for each in row.segments]
    total = max([*ends, record.seconds if placed else 0.0, 0.1])
    step = next((step for step in _STEPS if total / step <= _MOST_TICKS), total / _MOST_TICKS)
    return Timeline(rows, total, step, placed)


def _gaps(stages: Sequence[StageTime], total: float) -> list[Segment]:
    """Return when no stage ran, as far as a person can see it: Prefect keeping its books, and what was not timed."""
    gaps, reached = [], 0.0
    spans = [((stage.started or 0.0), (stage.started or 0.0) + stage.seconds) for stage in stages]
    for begin, end in [*spans, (total, total)]:
        if begin - reached >= max(_SHORTEST_GAP, total / 100):
            gaps.append(Segment("stage", round(reached, 3), round(begin - reached, 3)))
        reached = max(reached, end)
    return gaps


def _stage_row(stage: StageTime) -> TimelineRow:
    bar = Segment("stage", stage.started or 0.0, stage.seconds)
    return TimelineRow(STAGES.get(stage.name, stage.name), False, stage.seconds, [bar])


def _tool_row(tool: ToolOutcome, record: BuildRecord, placed: bool) -> TimelineRow:
    turns = [turn for turn in record.turns if turn.tool == tool.name] if placed else []
    bars = [Segment(turn.doing, turn.started, turn.seconds, turn.attempt) for turn in turns]
    if not bars and not placed and tool.seconds:
        bars = [Segment("stage", 0.0, tool.seconds)]
    return TimelineRow(tool.name, True, tool.seconds, bars, "reused" if tool.cached else "")


def spending_rows(record: BuildRecord) -> list[SpendingRow]:
    """Return the plan, each tool and the test cases; a tool that cost nothing because it was there is among them."""
    spent = record.spending or _spending_of_old(record)
    stages = list(dict.fromkeys(each.stage for each in spent if not each.tool))
    order = [*(name for name in STAGES if name in stages), *(name for name in stages if name not in STAGES)]
    after = order.index("accept") if "accept" in order else len(order)
    rows = [_stage_sum(name, spent) for name in order]
    return [*rows[:after], *(_tool_sum(tool, spent) for tool in record.tools), *rows[after:]]


def spent_together(record: BuildRecord) -> SpendingRow:
    """Return the sum of all stages and tools; what the record says it cost counts."""
    calls = sum(each.calls for each in record.spending)
    return SpendingRow("together", False, calls, record.cost_usd, record.tokens)


def payments(record: BuildRecord) -> list[Payment]:
    """Return what each model cost in each stage and attempt, as it was noted."""
    return [Payment(_part(each), each.model, each.calls, each.cost_usd, each.tokens) for each in record.spending]


def _part(spending: Spending) -> str:
    stage = _PARTS.get(spending.stage, spending.stage)
    part = f"tool {spending.tool}, attempt {spending.attempt}" if spending.tool else stage
    return ", ".join(filter(None, (part, cut_off(spending.cut_off))))


def _stage_sum(stage: str, spent: Sequence[Spending]) -> SpendingRow:
    return _sum(STAGES.get(stage, stage), False, [each for each in spent if each.stage == stage and not each.tool])


def _tool_sum(tool: ToolOutcome, spent: Sequence[Spending]) -> SpendingRow:
    return _sum(tool.name, True, [each for each in spent if each.tool == tool.name], "reused" if tool.cached else "")


def _sum(name: str, is_tool: bool, spent: Sequence[Spending], note: str = "") -> SpendingRow:
    return SpendingRow(
        name=name,
        is_tool=is_tool,
        calls=sum(each.calls for each in spent),
        cost_usd=add_costs(*(each.cost_usd for each in spent)),
        tokens=sum((each.tokens for each in spent), Tokens()),
        note=", ".join(filter(None, (note, cut_off(sum(each.cut_off for each in spent))))),
    )


def _spending_of_old(record: BuildRecord) -> list[Spending]:
    """Read from a record without `spending` what can be: what is left beside tools and test cases was the plan's."""
    parts = [Spending(stage="tools", tool=tool.name, calls=0, cost_usd=tool.cost_usd, tokens=tool.tokens)
             for tool in record.tools]  # fmt: skip
    if record.acceptance:
        asked = record.acceptance
        parts.append(Spending(stage="accept", calls=0, cost_usd=asked.cost_usd, tokens=asked.tokens))
    known = add_costs(*(part.cost_usd for part in parts))
    unclear = record.cost_usd is None or known is None
    left = None if unclear else max(0.0, round((record.cost_usd or 0.0) - (known or 0.0), 8))
    tokens = record.tokens - sum((part.tokens for part in parts), Tokens())
    return [Spending(stage="plan", calls=0, cost_usd=left, tokens=tokens), *parts]
