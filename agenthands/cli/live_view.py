"""What a terminal shows of one build: collects events, and lays them out as lines of styled pieces."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from agenthands._util.formatting import cells, count, cut, duration, money, one_line, pad
from agenthands.events import (
    BuildFinished,
    BuildStarted,
    CaseDecided,
    CostChanged,
    Event,
    StageFinished,
    StageStarted,
    ToolProgress,
    ToolState,
)

Line = list[tuple[str, str]]
"""Pieces of one line: text and style, as rich names styles."""

STATE_STYLES: dict[ToolState, str] = {
    "waiting": "dim",
    "coding": "cyan",
    "checking": "blue",
    "repairing": "yellow",
    "accepted": "green",
    "rejected": "bold red",
    "failed": "bold red",
}
_ENDED: tuple[ToolState, ...] = ("accepted", "rejected", "failed")
# Where not all tools fit the screen, what needs a person's eyes stays.
_WORTH: tuple[ToolState, ...] = ("repairing", "coding", "checking", "failed", "rejected", "waiting", "accepted")
_COLUMNS = ("tool", "try", "state", "now", "cost", "time")
_NOW = _COLUMNS.index("now")
_NARROW = 72
_FIXED_TOOL_ROWS = 2
_MOST_CASES = 8
STAGE_DOES = {
    "plan": "a plan is made and checked",
    "accept": "the agent answers its test cases",
    "review": "waits for you",
}
"""What happens in a stage that shows nothing else while it runs."""
_MIN_TOOL_ROWS = 3


@dataclass(frozen=True)
class Style:
    """The characters that a terminal can show."""

    encoding: str
    spinner: str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
    good: str = "✓"
    bad: str = "✗"
    idle: str = "·"
    ellipsis: str = "…"

    def clean(self, text: str) -> str:
        """Make foreign text harmless, and showable in this encoding."""
        return one_line(text).encode(self.encoding, "replace").decode(self.encoding)

    def spin(self, now: float) -> str:
        """Return the spinner's character at a time."""
        return self.spinner[int(now * 10) % len(self.spinner)]


def style_for(encoding: str | None) -> Style:
    """Return the characters for an encoding; without UTF-8, ASCII alone."""
    if encoding and encoding.lower().replace("-", "").startswith("utf"):
        return Style(encoding)
    return Style("ascii", spinner="|/-\\", good="+", bad="x", idle=".", ellipsis="...")


@dataclass
class _Stage:
    began: float
    seconds: float | None = None
    detail: str = ""
    error: str = ""


@dataclass
class _Tool:
    last: ToolProgress
    began: float
    ended: float | None = None


class LiveView:
    """One build, as far as its events tell."""

    def __init__(self, look: Style, at: float) -> None:
        """Start empty at a time."""
        self.began = at
        self.finished: BuildFinished | None = None
        self._look = look
        self._ended: float | None = None
        self._spent: float | None = 0.0
        self._started: BuildStarted | None = None
        self._stages: dict[str, _Stage] = {}
        self._tools: dict[str, _Tool] = {}
        self._cases: dict[str, CaseDecided] = {}

    def take(self, event: Event) -> None:
        """Note what an event tells."""
        match event:
            case BuildStarted():
                self._started, self.began = event, event.began or event.at
            case CostChanged():
                self._spent = event.cost_usd
            case StageStarted():
                self._stages[event.stage] = _Stage(event.at, detail=STAGE_DOES.get(event.stage, ""))
            case CaseDecided():
                self._cases[event.case] = event
            case StageFinished():
                began = event.at - event.seconds
                self._stages[event.stage] = _Stage(began, event.seconds, event.detail, event.error)
            case ToolProgress():
                self._take_tool(event)
            case BuildFinished():
                self.finished = event
                self.close(event.at)

    def close(self, at: float) -> None:
        """Stop the clocks: nothing more comes."""
        if self._ended is None:
            self._ended = at

    def lines(self, width: int, height: int | None, now: float) -> list[Line]:
        """Lay out the whole build for a terminal; `height` None shows every tool."""
        head, tail = self._header(width), self._footer(width, now)
        stages = {name: self._stage_line(name, stage, width, now) for name, stage in self._stages.items()}
        room, cases = None, self._case_lines(width)
        if height is not None:
            room = max(_MIN_TOOL_ROWS, height - len(head) - len(stages) - len(cases) - len(tail) - _FIXED_TOOL_ROWS)
        tools = self._tool_lines(width, room, now)
        body: list[Line] = []
        for name, line in stages.items():
            body += [line, *(tools if name == "tools" else cases if name == "accept" else [])]
        if "tools" not in stages:
            body += tools
        return [*head, *body, *tail]

    def summary(self, width: int, now: float) -> Line:
        """Say the build in one line, for a screen that shows many."""
        states = Counter(tool.last.state for tool in self._tools.values())
        running = [name for name, stage in self._stages.items() if stage.seconds is None]
        doing = self.finished.status if self.finished else ", ".join(running) or "waiting"
        if states:
            doing += f", {states['accepted']} of {count(len(self._tools), 'tool')}"
        doing = cut(self._look.clean(doing), width // 2, self._look.ellipsis)
        numbers = f"  {money(self._cost())}  {duration(self._seconds(now))}"
        mark, style = self._mark(now)
        room = max(0, width - cells(doing) - cells(numbers) - 4)
        asked = self._look.clean(self._started.request if self._started else "starting")
        request = pad(cut(asked, room, self._look.ellipsis), room)
        return [(mark, style), (f" {request}  ", ""), (doing, style), (numbers, "dim")]

    def verdict(self, width: int, now: float) -> list[Line]:
        """Return how the build ended, or that it was left, with the cost and time of its record."""
        mark, style = self._mark(now)
        said = f" {self._look.clean(self.finished.status)}  " if self.finished else " stopped before its end"
        reason = self._look.clean(self.finished.verdict or self.finished.reason) if self.finished else ""
        indent = cells(said) + 1
        first, *more = textwrap.wrap(reason, max(20, width - indent)) or [""]
        words: list[Line] = [[(mark, style), (said, f"{style} bold"), (first, "")]]
        words += [[(" " * indent + line, "")] for line in more]
        return [*words, self._totals(now)]

    def _take_tool(self, event: ToolProgress) -> None:
        known = self._tools.get(event.tool)
        waited = known is None or known.last.state == "waiting"
        began = event.at if waited or known is None else known.began
        self._tools[event.tool] = _Tool(event, began, event.at if event.state in _ENDED else None)

    def _header(self, width: int) -> list[Line]:
        if self._started is None:
            return []
        clean, started = self._look.clean, self._started
        title = "AgentHands"
        request = cut(clean(started.request), width - len(title) - 2, self._look.ellipsis)
        same = started.planner == started.coder
        models = f"model {started.planner}" if same else f"planner {started.planner}, coder {started.coder}"
        about = cut(clean(f"{models}, sandbox {started.sandbox}"), width, self._look.ellipsis)
        return [[(title, "bold"), (f"  {request}", "")], [(about, "dim")], []]

    def _stage_line(self, name: str, stage: _Stage, width: int, now: float) -> Line:
        look = self._look
        if stage.error:
            mark, style = look.bad, "bold red"
        elif stage.seconds is not None:
            mark, style = look.good, "green"
        else:
            mark, style = self._running(now)
        seconds = self._now(now) - stage.began if stage.seconds is None else stage.seconds
        column = max(11, *(min(cells(look.clean(other)), 20) for other in self._stages))
        label = pad(cut(look.clean(name), column, look.ellipsis), column)
        told = cut(look.clean(stage.error or stage.detail), max(0, width - column - 14), look.ellipsis)
        running = "bold" if stage.seconds is None else ""
        return [
            (f"{mark} ", style),
            (label, running),
            (f"  {duration(seconds):>7}", "dim"),
            (f"  {told}" if told else "", "red" if stage.error else "dim"),
        ]

    def _case_lines(self, width: int) -> list[Line]:
        """Return a line for each test case; of many, those that did not pass."""
        cases = list(self._cases.values())
        if len(cases) > _MOST_CASES:
            cases = [case for case in cases if case.outcome != "passed"][:_MOST_CASES]
        marks = {
            "passed": (self._look.good, "green"),
            "failed": (self._look.bad, "bold red"),
            "not_tried": (self._look.idle, "dim"),
        }
        lines: list[Line] = []
        for case in cases:
            called = f"  called {', '.join(case.called)}" if case.called else ""
            said = cut(self._look.clean(f"{case.case}{called}"), max(0, width - 16), self._look.ellipsis)
            lines.append([("    ", ""), marks[case.outcome], (f" {duration(case.seconds):>7}  {said}", "dim")])
        return lines

    def _tool_lines(self, width: int, room: int | None, now: float) -> list[Line]:
        if not self._tools:
            return []
        shown = list(self._tools.values())
        hidden: Sequence[_Tool] = ()
        if room is not None and len(shown) > room:
            ranked = sorted(shown, key=lambda tool: _WORTH.index(tool.last.state))
            shown, hidden = ranked[: room - 1], ranked[room - 1 :]
        rows = [self._cells_of(tool, now) for tool in shown]
        gap = " " if width < _NARROW else "  "
        widths = [max(cells(row[column]) for row in (*rows, _COLUMNS)) for column in range(len(_COLUMNS))]
        widths[0] = min(widths[0], max(12, width // 4))
        widths[_NOW] = max(0, width - 4 - (sum(widths) - widths[_NOW]) - len(gap) * (len(widths) - 1))
        table: list[Line] = [[(f"    {gap.join(self._fitted(_COLUMNS, widths))}", "dim")]]
        for tool, row in zip(shown, rows, strict=True):
            state = STATE_STYLES[tool.last.state]
            pieces = zip(self._fitted(row, widths), ("", "dim", state, "dim", "", "dim"), strict=True)
            table.append(
                [(f"  {self._tool_mark(tool, now)} ", state), *((f"{text}{gap}", style) for text, style in pieces)]
            )
        if hidden:
            states = Counter(tool.last.state for tool in hidden)
            rest = ", ".join(f"{number} {state}" for state, number in states.items())
            table.append([(cut(f"    and {len(hidden)} more: {rest}", width, self._look.ellipsis), "dim")])
        return table

    def _cells_of(self, tool: _Tool, now: float) -> tuple[str, ...]:
        last, clean = tool.last, self._look.clean
        end = tool.ended if tool.ended is not None else self._now(now)
        time = "" if last.state == "waiting" else duration(end - tool.began)
        tries = "" if last.attempt == 0 else str(last.attempt)
        return clean(last.tool), tries, last.state, clean(last.action), money(last.cost_usd), time

    def _fitted(self, row: Sequence[str], widths: Sequence[int]) -> list[str]:
        return [
            pad(cut(text, width, self._look.ellipsis), width, right=name in ("try", "cost", "time"))
            for name, text, width in zip(_COLUMNS, row, widths, strict=True)
        ]

    def _tool_mark(self, tool: _Tool, now: float) -> str:
        if tool.last.state == "accepted":
            return self._look.good
        if tool.last.state in _ENDED:
            return self._look.bad
        return self._look.idle if tool.last.state == "waiting" else self._running(now)[0]

    def _footer(self, width: int, now: float) -> list[Line]:
        return [[], *self.verdict(width, now)] if self._ended is not None else [[], self._totals(now)]

    def _totals(self, now: float) -> Line:
        return [(f"  {money(self._cost())}, {duration(self._seconds(now))}", "dim")]

    def _cost(self) -> float | None:
        return self.finished.cost_usd if self.finished else self._spent

    def _seconds(self, now: float) -> float:
        """Return how long the build has taken; once it has ended, what its record says."""
        return self.finished.seconds if self.finished else self._now(now) - self.began

    def _mark(self, now: float) -> tuple[str, str]:
        if self.finished is None:
            return self._running(now)
        well = self.finished.status in ("accepted", "planned")
        return (self._look.good, "green") if well else (self._look.bad, "red")

    def _running(self, now: float) -> tuple[str, str]:
        return (self._look.idle, "yellow") if self._ended is not None else (self._look.spin(now), "cyan")

    def _now(self, now: float) -> float:
        return now if self._ended is None else self._ended
