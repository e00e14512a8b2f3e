"""What `agenthands show --full` adds, for a terminal: tools with code and checks, servers, test cases, files."""

from __future__ import annotations

from collections.abc import Sequence

from agenthands._util.formatting import count, duration, money, one_line, pad
from agenthands.reports.terminal.layout import LABEL, Row, code, code_line, fact, prose, section, table, wrapped
from agenthands.reports.view_model import (
    Attempt,
    BuildView,
    CaseView,
    CheckView,
    Fault,
    ShownServer,
    ToolView,
    as_text,
    check_views,
)
from agenthands.schemas import BuildRecord, CheckResult, PlanAgent, ToolOutcome, ToolSpec


def tool_details(tool: ToolView) -> list[list[str]]:
    """Return the parts that a report shows of a tool, one list of lines a part."""
    name = one_line(tool.outcome.name)
    return [
        section(f"Tool {name}", _about(tool.outcome, tool.specification)),
        *(_specified(name, tool) if tool.specification else []),
        section(f"Attempts at {name}", _attempts(tool.attempts)),
        *(
            section(f"What attempt {each.number} at {name} failed at", check_lines(check_views(each.failures)))
            for each in tool.attempts[:-1]
        ),
        section(f"Checks of {name}", check_lines(tool.checks, advised=True)),
        section(f"Faults that the tests of {name} did not notice", _faults(tool.survivors)),
        section(f"Code of {name}", code(tool.code or "")),
        section(f"Tests of {name}", code(tool.tests or "")),
    ]


def check_lines(checks: Sequence[CheckView], advised: bool = False) -> list[str]:
    """Return what checks found: the first line of one that passed, all of a failed one and, `advised`, what helps."""
    lines = []
    for check, _, advice in checks:
        mark = "ok" if check.passed else "FAILED" if check.required else "note"
        start = f"{pad(mark, 6)}  {pad(one_line(check.name), 11)}  "
        first, *more = [line for line in check.detail.splitlines() if line.strip()] or [""]
        lines += (wrapped(first, start) if check.passed else [(start + code_line(first)).rstrip()]) or [start.rstrip()]
        if not check.passed:
            lines += [f"    {line}" for line in code("\n".join(more))]
            lines += wrapped(f"What to do: {advice}", "    ") if advised and check.required else []
    return lines


def _about(tool: ToolOutcome, specification: ToolSpec | None) -> list[str]:
    spent = f"{money(tool.cost_usd)}, {count(tool.tokens.prompt + tool.tokens.completion, 'token')}"
    reused = "reused, " if tool.cached else ""
    lines = [f"{tool.status}, {reused}{count(tool.attempts, 'attempt')}, {spent}, {duration(tool.seconds)}"]
    lines += prose(tool.reason)
    if specification:
        lines += [*prose(specification.description), *prose(specification.purpose)]
        needs = ", ".join(specification.dependencies)
        lines += wrapped(f"Needs {needs}") if needs else []
    return lines


def _specified(name: str, tool: ToolView) -> list[list[str]]:
    examples = []
    for given, expected, hidden in tool.examples:
        gives = expected if expected.startswith("raises ") else f"gives {expected}"
        seen = "; the coder never saw it" if hidden else ""
        examples += [*prose(given), *prose(gives + seen, "    ")]
    return [
        section(f"Arguments of {name}", table(tool.arguments, longest=2000)),
        section(f"Examples of {name}", examples),
    ]


def _attempts(attempts: Sequence[Attempt]) -> list[str]:
    if not attempts:
        return []
    rows: list[Row] = [("try", "coder", "gate", "calls", "tokens", "cached", "cost", "result of the gate")]
    rows += [
        (str(each.number), _took(each.coding), _took(each.checking), *_spent(each), each.finding or "not recorded")
        for each in attempts
    ]
    kept = [column for column in range(len(rows[0])) if any(row[column] for row in rows[1:])]
    return table([[row[column] for column in kept] for row in rows], set(range(len(kept) - 1)))


def _took(seconds: float | None) -> str:
    return "" if seconds is None else duration(seconds)


def _spent(attempt: Attempt) -> tuple[str, str, str, str]:
    spent = attempt.spending
    if spent is None:
        return "", "", "", ""
    tokens = spent.tokens
    cost = "unknown" if spent.cost_usd is None else money(spent.cost_usd)
    return f"{spent.calls:,}", f"{tokens.prompt + tokens.completion:,}", f"{tokens.cached:,}", cost


def _faults(faults: Sequence[Fault]) -> list[str]:
    lines = []
    for fault in faults:
        lines += wrapped(", ".join(filter(None, (f"line {fault.line or '?'}", fault.kind))))
        lines += [f"    {line}" for line in code(fault.diff)]
    return lines


LONGEST_REQUEST = 1200  # characters of it that stand on the first screen
_LONGEST = 2000


def details(view: BuildView) -> list[list[str]]:
    """Return the parts that a report folds away, and what it says at more length, one list of lines a part."""
    record, request = view.record, view.record.request.request
    parts = [
        section("Request", prose(request) if request != one_line(request, LONGEST_REQUEST) else []),
        section("Why this plan", prose(record.plan.reasoning) if record.plan else []),
        section("Changed after failed test cases", _repairs(record)),
        *(_told(agent) for agent in (record.plan.agents if record.plan else [])),
    ]
    for tool in view.tools:
        parts += tool_details(tool)
    asked = {each.check.name: each.meaning for tool in view.tools for each in tool.checks}
    parts.append(section("What the gate's checks ask", table(list(asked.items()))))
    parts += [section(f"MCP server {one_line(server.id)}", _server(server)) for server in view.servers]
    parts += [section(f"Test case {one_line(case.result.id)}", _case(case)) for case in view.cases]
    parts += [section(title, code(commands)) for title, commands in view.commands]
    return [*parts, section("Made with", _made_with(record)), section("Files in the store", _files(record))]


def _repairs(record: BuildRecord) -> list[str]:
    return [
        line
        for repair in record.repairs
        for line in (*prose(f"{', '.join(repair.failed)}: {repair.reason}"), *prose(", ".join(repair.changed), "    "))
    ]


def _told(agent: PlanAgent) -> list[str]:
    return section(f"What {one_line(agent.name)} is told", [*prose(agent.description), *prose(agent.instructions)])


def _server(server: ShownServer) -> list[str]:
    lines = prose(server.reasoning)
    if server.others:
        lines += ["Tools that the agent does not use:", *table(server.others, longest=_LONGEST, start="  ")]
    return lines


def _case(case: CaseView) -> list[str]:
    result = case.result
    lines = [line for role, said in case.before for line in _labelled(role, said)]
    lines += _labelled("asked", case.query) if case.query else []
    lines += _labelled("expected", case.expected) if case.expected else []
    lines += _labelled("error", result.error) if result.error else []
    lines += _labelled("answer", result.answer or "(none)")
    lines += _checked(result.checks)
    lines += _labelled("judge", case.opinion) if case.opinion else []
    lines += fact("advice", case.advice) if case.advice else []
    for call in case.calls:
        took = "did not end" if call.seconds is None else duration(call.seconds)
        by = f"{one_line(call.by)} " if call.by else ""
        lines += wrapped(f"{by}called {one_line(call.tool)} ({took})")
        for label, text in (("given", call.given), ("answered", call.answered), ("failed", call.error)):
            lines += [f"  {label}", *prose(text, "    ", 5000)] if text else []
    return lines


def _labelled(label: str, text: str) -> list[str]:
    """Return a text with its own lines behind its label."""
    first, *more = prose(text, " " * LABEL) or [""]
    return [pad(label, LABEL) + first.strip(), *more]


def _checked(checks: Sequence[CheckResult]) -> list[str]:
    lines = []
    for number, check in enumerate(checks):
        mark = "ok" if check.passed else "FAILED"
        start = f"{pad('checks' if number == 0 else '', LABEL)}{pad(mark, 6)}  {pad(one_line(check.kind), 11)}  "
        lines += wrapped(as_text(check.value), start) or [start.rstrip()]
    return lines


def _made_with(record: BuildRecord) -> list[str]:
    versions = ", ".join(f"{name} {number}" for name, number in record.versions.items())
    return [
        *fact("versions", versions),
        *(fact("lock", record.environment_lock_sha256) if record.environment_lock_sha256 else []),
        *fact("record", record.format),
    ]


def _files(record: BuildRecord) -> list[str]:
    """Return the files with their hashes as `sha256sum` does."""
    return [f"{one_line(sha256)}  {one_line(name)}" for name, sha256 in record.files.items()]
