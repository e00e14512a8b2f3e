"""What is shown of a finished build: one view, which the page, the terminal, Markdown and artifacts only lay out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any, NamedTuple

from agenthands._util.formatting import duration, money
from agenthands.evaluation.transcript import ToolCall, tool_calls
from agenthands.packaging.readme import README, commands_of
from agenthands.packaging.rights import Right, rights_of
from agenthands.reports.charts import Payment, SpendingRow, Timeline, payments, spending_rows, spent_together, timeline
from agenthands.reports.remedies import advice_on_case, advice_on_check, meaning
from agenthands.reports.summary import (
    can_be_asked,
    gate_summary,
    next_steps,
    opinion_sentence,
    ruling_sentences,
    verdict,
    without_caching,
)
from agenthands.schemas import (
    BuildRecord,
    CaseResult,
    Check,
    ErrorExample,
    GateReport,
    McpServerPin,
    Spending,
    TestCase,
    ToolOutcome,
    ToolSpec,
    hidden_example_indices,
)


class CheckView(NamedTuple):
    """A check of the gate, what it asks for in a sentence, and what a person can do where it did not pass."""

    check: Check
    meaning: str
    advice: str


class Fault(NamedTuple):
    """A change to a tool that its tests did not notice; `line` is 0 where the report does not say it."""

    line: int
    kind: str
    diff: str


@dataclass(frozen=True)
class ToolView:
    """A custom tool of a build. What the plan or the store no longer has is None or empty."""

    anchor: str
    outcome: ToolOutcome
    specification: ToolSpec | None
    arguments: Sequence[tuple[str, str, str]]
    examples: Sequence[tuple[str, str, bool]]
    gate: str
    checks: Sequence[CheckView]
    coverage: float | None
    survivors: Sequence[Fault]
    rulings: Sequence[str]
    attempts: Sequence[Attempt]
    code: str | None
    tests: str | None

    @property
    def failed(self) -> list[CheckView]:
        """Return the checks that did not pass, notes among them."""
        return [each for each in self.checks if not each.check.passed]


@dataclass(frozen=True)
class CaseView:
    """A test case of a build: what was said before and asked, what came, and what the transcript shows of it."""

    anchor: str
    result: CaseResult
    query: str
    expected: str
    opinion: str
    advice: str
    calls: Sequence[ToolCall]
    before: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class BuildView:
    """A finished build as it is shown. `figures` are label, figure and what stands below it.

    `failures` are the anchors and names of tools and test cases that did not pass, `commands` titles and shell lines
    of the agent's README.
    """

    record: BuildRecord
    verdict: str
    steps: Sequence[str]
    figures: Sequence[tuple[str, str, str]]
    failures: Sequence[tuple[str, str]]
    timeline: Timeline
    spending: Sequence[SpendingRow]
    together: SpendingRow
    payments: Sequence[Payment]
    tools: Sequence[ToolView]
    servers: Sequence[ShownServer]
    cases: Sequence[CaseView]
    commands: Sequence[tuple[str, str]]
    rights: Sequence[Right]


def build_view(record: BuildRecord, files: Mapping[str, str]) -> BuildView:
    """Return what is shown of a build; `files` may hold the texts of its files, by their names below it."""
    tools = [_tool(number, tool, record, files) for number, tool in enumerate(record.tools, 1)]
    planned = {case.id: case for case in record.plan.test_cases} if record.plan else {}
    asked = record.acceptance.cases if record.acceptance else []
    cases = [_case(number, case, planned, files) for number, case in enumerate(asked, 1)]
    return BuildView(
        record=record,
        verdict=verdict(record),
        steps=next_steps(record),
        figures=_figures(record),
        failures=[
            *((tool.anchor, tool.outcome.name) for tool in tools if tool.outcome.status != "accepted"),
            *((case.anchor, case.result.id) for case in cases if case.result.outcome == "failed"),
        ],
        timeline=timeline(record),
        spending=spending_rows(record) if record.plan or record.spending else [],
        together=spent_together(record),
        payments=payments(record),
        tools=tools,
        servers=servers_of(record),
        cases=cases,
        commands=commands_of(files.get(README, "")) if can_be_asked(record) else [],
        rights=rights_of(record.plan) if record.plan else [],
    )


def check_views(checks: Sequence[Check]) -> list[CheckView]:
    """Return the checks of a gate report with what they ask for and what helps."""
    return [CheckView(check, meaning(check.name), advice_on_check(check.name)) for check in checks]


def _figures(record: BuildRecord) -> list[tuple[str, str, str]]:
    accepted = sum(tool.status == "accepted" for tool in record.tools)
    cases = record.acceptance.cases if record.acceptance else []
    passed = sum(case.outcome == "passed" for case in cases)
    untried = sum(case.outcome == "not_tried" for case in cases)
    reused = sum(tool.cached for tool in record.tools)
    tokens = record.tokens
    cost_note = without_caching(record) or "all models together"
    return [
        (
            "Tools",
            f"{accepted} of {len(record.tools)}" if record.tools else "none",
            f"{reused} reused" if reused else "passed the gate" if record.tools else "",
        ),
        ("Test cases", f"{passed} of {len(cases)}" if cases else "not run", _passed(untried) if cases else ""),
        ("Cost", "unknown" if record.cost_usd is None else money(record.cost_usd), cost_note),
        ("Time", duration(record.seconds), "from start to finish"),
        ("Tokens", f"{tokens.prompt + tokens.completion:,}", f"{tokens.cached:,} cached"),
    ]


def _passed(untried: int) -> str:
    return f"passed, {untried} not tried" if untried else "passed"


def _tool(number: int, tool: ToolOutcome, record: BuildRecord, files: Mapping[str, str]) -> ToolView:
    specification = specification_of(tool, record)
    gate = tool.gate
    return ToolView(
        anchor=f"tool-{number}",
        outcome=tool,
        specification=specification,
        arguments=arguments_of(specification) if specification else [],
        examples=examples_of(specification) if specification else [],
        gate=gate_summary(tool),
        checks=check_views(gate.checks) if gate else [],
        coverage=gate.coverage if gate else None,
        survivors=[_fault(each) for each in gate.survivors] if gate else [],
        rulings=[ruling_sentences(ruling) for ruling in gate.rulings] if gate else [],
        attempts=attempts_at(tool, record, files),
        code=files.get(f"tools/{tool.name}/nat_tools/{tool.name}.py"),
        tests=files.get(f"tools/{tool.name}/tests/test_{tool.name}.py"),
    )


def _fault(survivor: Mapping[str, Any]) -> Fault:
    line = survivor.get("line")
    return Fault(line if isinstance(line, int) else 0, str(survivor.get("kind", "")), str(survivor.get("diff", "")))


def _case(number: int, case: CaseResult, planned: Mapping[str, TestCase], files: Mapping[str, str]) -> CaseView:
    question = planned.get(case.id)
    return CaseView(
        anchor=f"case-{number}",
        result=case,
        query=question.query if question else "",
        expected=question.expected_behavior if question else "",
        opinion=opinion_sentence(case),
        advice="" if case.outcome == "passed" else advice_on_case(case),
        before=[(turn.role, turn.content) for turn in question.history] if question else [],
        calls=tool_calls(files.get(f"acceptance/{case.id}.json", "{}")),
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
    own = record.model_copy(
        update={
            "turns": [turn for turn in record.turns if turn.tool == tool.name],
            "spending": [each for each in record.spending if each.tool == tool.name],
        }
    )
    found = [_attempt(number, tool, own, files) for number in range(1, tool.attempts + 1)]
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

    anchor: str
    id: str
    reasoning: str
    pin: McpServerPin | None
    used: Sequence[tuple[str, str]]
    others: Sequence[tuple[str, str]]


def servers_of(record: BuildRecord) -> list[ShownServer]:
    """Return the servers of the plan in its order; none where there is no plan."""
    pins = {pin.id: pin for pin in record.mcp_servers}
    servers = []
    for number, wanted in enumerate(record.plan.mcp_servers if record.plan else [], 1):
        pin = pins.get(wanted.id)
        known = pin.tools if pin else {}
        used = [(name, _described(known.get(name, ""), wanted.granted(name))) for name in wanted.tools]
        others = [each for each in known.items() if each[0] not in wanted.tools]
        servers.append(ShownServer(f"server-{number}", wanted.id, wanted.reasoning, pin, used, others))
    return servers


def _described(description: str, granted: str) -> str:
    """Return what a tool of a server is for, and what it may do beyond reading."""
    return " ".join(filter(None, [description, f"It {granted}." if granted else ""]))


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
