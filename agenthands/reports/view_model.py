"""What is known of each attempt at a tool, put together from the record and from the gate's reports."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any

from agenthands.schemas import (
    BuildRecord,
    Check,
    ErrorExample,
    GateReport,
    McpServerPin,
    Spending,
    ToolOutcome,
    ToolSpec,
    hidden_example_indices,
)


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
    """Return the attempts at a tool. `files` may hold `tools/<name>/gate-<attempt>.json`."""
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


@dataclass(frozen=True)
class ShownServer:
    """A server of the plan; `pin` is None where it was not installed. Its tools are pairs of name and description."""

    id: str
    reasoning: str
    pin: McpServerPin | None
    used: Sequence[tuple[str, str]]
    others: Sequence[tuple[str, str]]


def servers_of(record: BuildRecord) -> list[ShownServer]:
    """Return the servers of the plan in its order; none where there is no plan."""
    pins = {pin.id: pin for pin in record.mcp_servers}
    servers = []
    for wanted in record.plan.mcp_servers if record.plan else []:
        pin = pins.get(wanted.id)
        known = pin.tools if pin else {}
        used = [(name, known.get(name, "")) for name in wanted.tools]
        others = [each for each in known.items() if each[0] not in wanted.tools]
        servers.append(ShownServer(wanted.id, wanted.reasoning, pin, used, others))
    return servers


def specification_of(tool: ToolOutcome, record: BuildRecord) -> ToolSpec | None:
    """Return what the plan says about a tool."""
    planned = record.plan.custom_tools if record.plan else []
    return next((each for each in planned if each.name == tool.name), None)


def arguments_of(tool: ToolSpec) -> list[tuple[str, str, str]]:
    """Return name, type and description of each argument, as far as the schema says them plainly."""
    properties = tool.parameters.get("properties")
    given = tool.parameters.get("required")
    required = given if isinstance(given, list) else []
    if not isinstance(properties, dict):
        return []
    return [
        (name, _type(schema) + ("" if name in required else ", optional"), str(schema.get("description", "")))
        for name, schema in properties.items()
        if isinstance(schema, dict)
    ]


def examples_of(tool: ToolSpec) -> list[tuple[str, str, bool]]:
    """Return arguments and result of each example, and whether the coder never saw it."""
    hidden = hidden_example_indices(tool)
    return [
        (
            _json(example.arguments),
            f"raises {example.raises}" if isinstance(example, ErrorExample) else _json(example.expected),
            index in hidden,
        )
        for index, example in enumerate(tool.examples)
    ]


def as_text(value: Any) -> str:
    """Return a text as it is, and any other value as JSON."""
    return value if isinstance(value, str) else _json(value)


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "any")
    items = schema.get("items")
    inner = f" of {_type(items)}" if kind == "array" and isinstance(items, dict) else ""
    return (kind if isinstance(kind, str) else _json(kind)) + inner


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
