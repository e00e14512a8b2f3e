"""Markdown pages of a build, for artifacts: what a model or a user wrote is text in them, never markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from agenthands.models import BuildRecord, GateReport, Plan, Tokens
from agenthands.verdict import next_steps, ruling_sentences, verdict
from agenthands.wording import duration, money, one_line

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")  # CommonMark lets a backslash take the meaning of each


def escaped(text: object, limit: int = 2000) -> str:
    """Give a foreign text as one line of plain text."""
    return _PUNCTUATION.sub(r"\\\1", one_line(str(text), limit))


def code_block(text: str) -> str:
    """Give a foreign text as a block of code that it cannot close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def plan_markdown(plan: Plan) -> str:
    """Say what is going to be built, and why."""
    tools = [
        (tool.name, ", ".join(tool.parameters.get("properties", {})), tool.description) for tool in plan.custom_tools
    ]
    servers = [(server.id, ", ".join(server.tools), server.reasoning) for server in plan.mcp_servers]
    builtin = [(tool.type, tool.reasoning) for tool in plan.builtin_tools]
    cases = [(case.id, case.query, case.expected_behavior) for case in plan.test_cases]
    parts = [
        f"# {escaped(plan.name)}",
        escaped(plan.summary),
        f"**Scaffold** {escaped(plan.scaffold.type)}: {escaped(plan.scaffold.reasoning)}",
        f"**Why** {escaped(plan.reasoning)}",
        *_titled("Tools to write", _table(("tool", "arguments", "what it does"), tools)),
        *_titled("MCP servers", _table(("server", "tools", "why"), servers)),
        *_titled("Tools of NAT", _table(("type", "why"), builtin)),
        *_titled("Test cases", _table(("case", "question", "expected"), cases)),
    ]
    return "\n\n".join(parts)


def gate_markdown(report: GateReport, attempt: int) -> str:
    """Say what the gate found about one attempt, check by check."""
    said = "accepted" if report.accepted else "rejected"
    coverage = "" if report.coverage is None else f", {report.coverage:.0%} of lines covered"
    rows = [
        ("✓" if check.passed else "✗" if check.required else "!", check.name, check.detail) for check in report.checks
    ]
    parts = [
        f"# {escaped(report.tool)}, attempt {attempt}: {said}",
        f"{duration(report.seconds)}{coverage}",
        _table(("", "check", "detail"), rows),
        *(escaped(ruling_sentences(ruling)) for ruling in report.rulings),
    ]
    for survivor in report.survivors:
        title = f"A fault in line {survivor.get('line', '?')} that the tests do not notice"
        parts += [f"## {escaped(title)}", code_block(str(survivor.get("diff", "")))]
    return "\n\n".join(parts)


def result_markdown(record: BuildRecord, place: str) -> str:
    """Say how the build ended, what to do now, and where everything lies; `place` is the URL of its folder."""
    kept = [(name, f"{place}/{name}") for name in sorted(record.files)]
    return "\n\n".join(
        [
            f"# {escaped(verdict(record))}",
            "\n".join(f"- {_with_code(step)}" for step in next_steps(record)),
            f"## Stored below {escaped(place)}",
            "\n".join(f"- {_link(name, url)}" for name, url in kept) or "nothing",
        ]
    )


def cost_rows(record: BuildRecord) -> list[dict[str, str | int]]:
    """Give what each part of the build cost, and the sum: US dollars and tokens."""
    spent = [(f"tool {tool.name}", tool.cost_usd, tool.tokens, tool.cached) for tool in record.tools]
    if asked := record.acceptance:
        spent.append(("test cases", asked.cost_usd, asked.tokens, asked.cached))
    others = sum((tokens for _, _, tokens, _ in spent), Tokens())
    planning = None if record.cost_usd is None else record.cost_usd - sum(cost or 0 for _, cost, _, _ in spent)
    return [
        _cost_row("planning", planning, record.tokens - others, False),
        *(_cost_row(*each) for each in spent),
        _cost_row("all", record.cost_usd, record.tokens, False),
    ]


def _cost_row(part: str, cost: float | None, tokens: Tokens, cached: bool) -> dict[str, str | int]:
    return {
        "part": part,
        "cost": "reused" if cached else money(cost),
        "tokens in": tokens.prompt,
        "of them cached": tokens.cached,
        "tokens out": tokens.completion,
    }


def _titled(title: str, table: str) -> list[str]:
    return [f"## {title}", table] if table else []


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [" | ".join(escaped(cell) for cell in row) for row in rows]
    if not lines:
        return ""
    return "\n".join(f"| {line} |" for line in [" | ".join(headings), " | ".join("---" for _ in headings), *lines])


def _with_code(step: str) -> str:
    """Keep what stands in `backticks` as code; a command of ours holds no backtick."""
    pieces = step.split("`")
    return "".join(f"`{text}`" if number % 2 else escaped(text) for number, text in enumerate(pieces))


def _link(name: str, url: str) -> str:
    safe = re.sub(r"[^A-Za-z0-9:/._~%+-]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), url)
    return f"[{escaped(name)}]({safe})"
