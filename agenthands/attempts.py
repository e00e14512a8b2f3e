"""What is known of each attempt at a tool, put together from the record and from the gate's reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add

from agenthands.models import BuildRecord, Check, GateReport, Spending, ToolOutcome


@dataclass(frozen=True)
class Attempt:
    """One attempt; what nobody noted is None or empty. `finding` says in a few words what the gate said.

    `spending` is that of all models together, the planner's ruling among it.
    """

    number: int
    coding: float | None
    checking: float | None
    finding: str
    spending: Spending | None
    failures: Sequence[Check] = field(default_factory=list)


def attempts_at(tool: ToolOutcome, record: BuildRecord, files: Mapping[str, str]) -> Sequence[Attempt]:
    """Give the attempts at a tool. `files` may hold `tools/<name>/gate-<attempt>.json`."""
    found = [_attempt(number, tool, record, files) for number in range(1, tool.attempts + 1)]
    known = [each for each in found if each.finding or each.spending or each.coding is not None]
    return found if known else []


def _attempt(number: int, tool: ToolOutcome, record: BuildRecord, files: Mapping[str, str]) -> Attempt:
    report = _report(files.get(f"tools/{tool.name}/gate-{number}.json"))
    if report is None and number == tool.attempts:
        report = tool.gate
    return Attempt(
        number=number,
        coding=_seconds("coding", number, tool, record),
        checking=_seconds("checking", number, tool, record),
        finding=_finding(report),
        spending=_spending(number, tool, record),
        failures=report.failures() if report else [],
    )


def _report(text: str | None) -> GateReport | None:
    try:
        return GateReport.model_validate_json(text) if text else None
    except ValueError:
        return None


def _finding(report: GateReport | None) -> str:
    if report is None:
        return ""
    failed = ", ".join(check.name for check in report.failures())
    return f"failed {failed}" if failed else "passed"


def _seconds(doing: str, number: int, tool: ToolOutcome, record: BuildRecord) -> float | None:
    turns = [
        turn.seconds for turn in record.turns if (turn.tool, turn.attempt, turn.doing) == (tool.name, number, doing)
    ]
    return sum(turns) if turns else None


def _spending(number: int, tool: ToolOutcome, record: BuildRecord) -> Spending | None:
    spent = [each for each in record.spending if (each.tool, each.attempt) == (tool.name, number)]
    return reduce(add, spent) if spent else None
