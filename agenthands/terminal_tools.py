"""All about one tool, for a terminal: its specification, attempts, checks, faults, code and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agenthands.advice import advice_on_check
from agenthands.attempts import Attempt, attempts_at
from agenthands.models import BuildRecord, Check, CustomTool, GateReport, ToolOutcome
from agenthands.shown_parts import arguments_of, examples_of, specification_of
from agenthands.terminal_text import Row, code, code_line, prose, section, table, wrapped
from agenthands.wording import count, duration, money, one_line, pad


def tool_details(tool: ToolOutcome, record: BuildRecord, texts: Mapping[str, str]) -> list[list[str]]:
    """Give the parts that a report shows of a tool, one list of lines a part."""
    name = one_line(tool.name)
    specification = specification_of(tool, record)
    attempts = attempts_at(tool, record, texts)
    files = f"tools/{tool.name}"
    return [
        section(f"Tool {name}", _about(tool, specification)),
        *(_specified(name, specification) if specification else []),
        section(f"Attempts at {name}", _attempts(attempts)),
        *(
            section(f"What attempt {each.number} at {name} failed at", check_lines(each.failures))
            for each in attempts[:-1]
        ),
        section(f"Checks of {name}", check_lines(tool.gate.checks, advised=True) if tool.gate else []),
        section(f"Faults that the tests of {name} did not notice", _faults(tool.gate)),
        section(f"Code of {name}", code(texts.get(f"{files}/nat_tools/{tool.name}.py", ""))),
        section(f"Tests of {name}", code(texts.get(f"{files}/tests/test_{tool.name}.py", ""))),
    ]


def check_lines(checks: Sequence[Check], advised: bool = False) -> list[str]:
    """Say what checks found: the first line of one that passed, all of one that did not and, `advised`, what helps."""
    lines = []
    for check in checks:
        mark = "ok" if check.passed else "FAILED" if check.required else "note"
        start = f"{pad(mark, 6)}  {pad(check.name, 11)}  "
        first, *more = [line for line in check.detail.splitlines() if line.strip()] or [""]
        lines += (wrapped(first, start) if check.passed else [(start + code_line(first)).rstrip()]) or [start.rstrip()]
        if not check.passed:
            lines += [f"    {line}" for line in code("\n".join(more))]
            lines += wrapped(f"What to do: {advice_on_check(check.name)}", "    ") if advised and check.required else []
    return lines


def _about(tool: ToolOutcome, specification: CustomTool | None) -> list[str]:
    spent = f"{money(tool.cost_usd)}, {count(tool.tokens.prompt + tool.tokens.completion, 'token')}"
    reused = "reused, " if tool.cached else ""
    lines = [f"{tool.status}, {reused}{count(tool.attempts, 'attempt')}, {spent}, {duration(tool.seconds)}"]
    lines += prose(tool.reason)
    if specification:
        lines += [*prose(specification.description), *prose(specification.purpose)]
        needs = ", ".join(specification.dependencies)
        lines += wrapped(f"Needs {needs}") if needs else []
    return lines


def _specified(name: str, specification: CustomTool) -> list[list[str]]:
    examples = []
    for given, expected, hidden in examples_of(specification):
        gives = expected if expected.startswith("raises ") else f"gives {expected}"
        seen = "; the coder never saw it" if hidden else ""
        examples += [*prose(given), *prose(gives + seen, "    ")]
    return [
        section(f"Arguments of {name}", table(arguments_of(specification), longest=2000)),
        section(f"Examples of {name}", examples),
    ]


def _attempts(attempts: Sequence[Attempt]) -> list[str]:
    if not attempts:
        return []
    rows: list[Row] = [("try", "coder", "gate", "calls", "tokens", "cached", "cost", "the gate said")]
    rows += [
        (str(each.number), _took(each.coding), _took(each.checking), *_spent(each), each.finding or "not kept")
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


def _faults(gate: GateReport | None) -> list[str]:
    lines = []
    for fault in gate.survivors if gate else []:
        lines += wrapped(", ".join(filter(None, (f"line {fault.get('line', '?')}", str(fault.get("kind", ""))))))
        lines += [f"    {line}" for line in code(str(fault.get("diff", "")))]
    return lines
