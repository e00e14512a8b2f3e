"""Builds, plans and gate reports as plain text with aligned columns, for a terminal or a file."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from agenthands.models import Acceptance, BuildRecord, GateReport, Plan, ToolOutcome
from agenthands.verdict import gate_summary, next_steps, ruling_sentences, verdict
from agenthands.wording import cells, count, duration, money, one_line, pad

_WIDTH = 96
_LABEL = 10
Row = Sequence[str]


def show_text(record: BuildRecord) -> str:
    """Say everything about one build that a person wants first; the record itself has the rest."""
    name = record.plan.name if record.plan else "(no plan)"
    parts = [
        [f"{name}  {record.build_id}  {record.status.upper()}", *_wrapped(verdict(record))],
        _facts(record),
        _section("Stages", _table([(stage.name, duration(stage.seconds)) for stage in record.stages], {1})),
        _section("Tools", _tool_lines(record.tools)),
        _section("MCP servers", _table([(pin.id, pin.package, pin.version) for pin in record.mcp_servers])),
        _section("Test cases", _case_lines(record.acceptance) if record.acceptance else []),
        _section("Next", [line for step in next_steps(record) for line in _wrapped(step.replace("`", ""), "- ")]),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def list_text(records: Sequence[BuildRecord]) -> str:
    """Give one line a build, below a line of headings."""
    rows: list[Row] = [("BUILD", "AGENT", "STATUS", "TOOLS", "COST", "SECONDS", "STARTED (UTC)")]
    for record in records:
        accepted = sum(tool.status == "accepted" for tool in record.tools)
        planned = len(record.plan.custom_tools) if record.plan else len(record.tools)
        rows.append(
            (
                record.build_id,
                record.plan.name if record.plan else "-",
                record.status,
                f"{accepted}/{planned}",
                money(record.cost_usd),
                f"{record.seconds:.0f}",
                _moment(record.started_at),
            )
        )
    return "\n".join(_table(rows, {3, 4, 5}))


def plan_text(plan: Plan) -> str:
    """Say what a plan will build."""
    builtin = [(tool.type, one_line(tool.reasoning)) for tool in plan.builtin_tools]
    servers = [(server.id, ", ".join(server.tools), one_line(server.reasoning)) for server in plan.mcp_servers]
    tools = [
        (tool.name, ", ".join(tool.parameters.get("properties", {})) or "no arguments", one_line(tool.description))
        for tool in plan.custom_tools
    ]
    cases = [(case.id, one_line(case.query)) for case in plan.test_cases]
    parts = [
        [plan.name, *_wrapped(plan.summary)],
        [*_fact("scaffold", f"{plan.scaffold.type}: {plan.scaffold.reasoning}"), *_fact("why", plan.reasoning)],
        _section("Tools to write", _table(tools)),
        _section("Tools of NAT", _table(builtin)),
        _section("MCP servers", _table(servers)),
        _section("Test cases", _table(cases)),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def gate_text(report: GateReport) -> str:
    """Say what the gate found, check by check, with the whole detail of what failed."""
    lines = [f"{report.tool}  {'ACCEPTED' if report.accepted else 'REJECTED'}  {duration(report.seconds)}", ""]
    for check in report.checks:
        mark = "ok" if check.passed else "FAILED" if check.required else "note"
        first, *more = [line for line in check.detail.splitlines() if line.strip()] or [""]
        lines.append(f"  {pad(mark, 6)}  {pad(check.name, 11)}  {one_line(first)}".rstrip())
        if not check.passed:
            lines += [f"      {_code_line(line)}" for line in more]
    if report.survivors and report.accepted:
        places = ", ".join(str(each["line"]) for each in report.survivors)
        lines += [
            "",
            *_wrapped(f"Changes that the tests do not notice are possible in line {places} (--json has them)."),
        ]
    for ruling in report.rulings:
        lines += ["", *_wrapped(ruling_sentences(ruling))]
    return "\n".join(lines)


def _facts(record: BuildRecord) -> list[str]:
    plan, tokens = record.plan, record.tokens
    roles = _table([("", role, model) for role, model in record.models.items()])
    used = f"{count(tokens.prompt, 'token')} in ({tokens.cached:,} cached), {tokens.completion:,} out"
    return [
        *_fact("request", one_line(record.request.request, 1200)),
        *(_fact("summary", plan.summary) if plan else []),
        *(_fact("scaffold", f"{plan.scaffold.type}: {plan.scaffold.reasoning}") if plan else []),
        *(pad("models" if number == 0 else "", _LABEL) + line.strip() for number, line in enumerate(roles)),
        *_fact("started", f"{_moment(record.started_at)} UTC, took {duration(record.seconds)}"),
        *_fact("spent", f"{money(record.cost_usd)}, {used}"),
    ]


def _tool_lines(tools: Sequence[ToolOutcome]) -> list[str]:
    if not tools:
        return []
    rows: list[Row] = [("name", "status", "tries", "cost", "time", "gate")]
    for tool in tools:
        status = f"{tool.status}, reused" if tool.cached else tool.status
        spent = (str(tool.attempts), money(tool.cost_usd), duration(tool.seconds))
        rows.append((tool.name, status, *spent, gate_summary(tool)))
    heading, *lines = _table(rows, {2, 3, 4})
    said = [heading]
    for tool, line in zip(tools, lines, strict=True):
        said.append(line)
        said += [part for check in _failures(tool) for part in _wrapped(check, "    ")]
        rulings = tool.gate.rulings if tool.gate else []
        said += [part for ruling in rulings for part in _wrapped(ruling_sentences(ruling), "    ")]
    return said


def _failures(tool: ToolOutcome) -> list[str]:
    if tool.status == "accepted":
        return []
    checks = [f"{check.name}: {one_line(check.detail)}" for check in tool.gate.failures()] if tool.gate else []
    return checks or ([one_line(tool.reason)] if tool.reason else [])


def _case_lines(acceptance: Acceptance) -> list[str]:
    lines = _wrapped(acceptance.reason) if acceptance.reason else []
    for case in acceptance.cases:
        called = ", ".join(case.tools_called) or "no tool"
        lines.append(f"{'ok    ' if case.passed else 'FAILED'}  {case.id}  {duration(case.seconds)}  called {called}")
        if not case.passed:
            missed = [f"{check.kind} {one_line(str(check.value), 200)}" for check in case.checks if not check.passed]
            lines += _wrapped(f"missed: {'; '.join(missed)}", "    ") if missed else []
            lines += _wrapped(f"error: {one_line(case.error)}", "    ") if case.error else []
            lines += _wrapped(f"answer: {one_line(case.answer)}", "    ") if case.answer else []
    return lines


def _fact(label: str, text: str) -> list[str]:
    return _wrapped(text, pad(label, _LABEL))


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [title, *(f"  {line}" for text in lines for line in text.split("\n"))] if lines else []


def _wrapped(text: str, start: str = "") -> list[str]:
    return textwrap.wrap(
        one_line(text, 2000), _WIDTH, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False
    )


def _table(rows: Sequence[Row], right: frozenset[int] | set[int] = frozenset()) -> list[str]:
    """Align rows in columns, one text a row; `right` names the columns of numbers. The last column is wrapped."""
    clean = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(cells(row[column]) for row in clean) for column in range(len(rows[0]))] if rows else []
    indent = sum(widths[:-1]) + 2 * len(widths[:-1])
    texts = []
    for row in clean:
        *filled, last = (pad(cell, widths[column], column in right) for column, cell in enumerate(row))
        wrapped = textwrap.wrap(last, max(40, _WIDTH - indent), drop_whitespace=True) if last.strip() else []
        texts.append("  ".join([*filled, f"\n{' ' * indent}".join(wrapped)]).rstrip())
    return texts


def _code_line(line: str) -> str:
    """Keep a line's indentation, and nothing that a terminal acts on."""
    return " " * (len(line) - len(line.lstrip())) + one_line(line)


def _moment(started_at: str) -> str:
    return one_line(started_at)[:16].replace("T", " ")
