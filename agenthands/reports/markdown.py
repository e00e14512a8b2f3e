"""Markdown pages of a build, for artifacts: what a model or a user wrote is text in them, never markup."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from agenthands._util.formatting import duration, money, one_line
from agenthands.packaging.rights import Right, rights_of
from agenthands.reports.charts import Payment
from agenthands.reports.summary import ruling_sentences, without_caching
from agenthands.reports.team import Member, team_of
from agenthands.reports.view_model import build_view
from agenthands.schemas import BuildRecord, Check, GateReport, Plan

_FIRST = ("report.html", "bundle.tar.gz")
_CELL = 80  # what Prefect's tables show of a cell without scrolling
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._/-]+")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")  # CommonMark lets a backslash take the meaning of each


def escaped(text: object, limit: int = 2000) -> str:
    """Return a foreign text as one line of plain text."""
    return _PUNCTUATION.sub(r"\\\1", one_line(str(text), limit))


def code_block(text: str) -> str:
    """Return a foreign text as a block of code that it cannot close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def plan_markdown(plan: Plan) -> str:
    """Return what is going to be built, and why."""
    decided = "\n".join(f"- {escaped(each)}" for each in plan.assumptions)
    parts = [
        f"# {escaped(plan.name)}",
        escaped(plan.summary),
        f"**Why** {escaped(plan.reasoning)}",
        *(["## Decided for you", decided] if decided else []),
        "## Agents",
        *(part for member in team_of(plan) for part in _member(member)),
        *_listed(
            "Tools to write",
            ((tool.name, ", ".join(tool.argument_names), plan.about(tool)) for tool in plan.custom_tools),
        ),
        *_listed(
            "MCP servers", ((each.id, ", ".join(each.marked_tools()), each.reasoning) for each in plan.mcp_servers)
        ),
        *_rights(rights_of(plan)),
        *_listed("Tools of NAT", ((tool.type, "", tool.reasoning) for tool in plan.builtin_tools)),
        *_listed("Test cases", ((case.id, "", f"{case.query} {case.expected_behavior}") for case in plan.test_cases)),
    ]
    return "\n\n".join(parts)


def _member(member: Member) -> list[str]:
    """Return who an agent is, and its instructions as they are."""
    agent = member.agent
    role = f"({escaped(member.role)}; {escaped(member.works_with)})"
    about = f"**{escaped(agent.name)}** {role}: {escaped(agent.description)}"
    return [about, code_block(agent.instructions)] if agent.instructions else [about]


def gate_markdown(report: GateReport, attempt: int) -> str:
    """Return what the gate found about one attempt: all checks, then the whole detail of what failed."""
    said = "accepted" if report.accepted else "rejected"
    coverage = "" if report.coverage is None else f", {report.coverage:.0%} of lines covered"
    rows = [f"| {_mark(check)} | {check.name} | {escaped(check.detail, _CELL)} |" for check in report.checks]
    parts = [
        f"# {escaped(report.tool)}, attempt {attempt}: {said}",
        f"{duration(report.seconds)}{coverage}",
        "\n".join(["| | check | found |", "| --- | --- | --- |", *rows]),
    ]
    for check in report.checks:
        if not check.passed:
            parts += [f"## {check.name}", code_block(check.detail)]
    parts += [escaped(ruling_sentences(ruling)) for ruling in report.rulings]
    for survivor in report.survivors:
        title = f"A fault in line {survivor.get('line', '?')} that the tests do not notice"
        parts += [f"## {escaped(title)}", code_block(str(survivor.get("diff", "")))]
    return "\n\n".join(parts)


def result_markdown(record: BuildRecord, place: str) -> str:
    """Return how the build ended, what to do now, and where everything lies; `place` is the URL of its folder."""
    view = build_view(record, {})
    kept = sorted(record.files, key=lambda name: (name not in _FIRST, name))
    return "\n\n".join(
        [
            f"# {escaped(view.verdict)}",
            "\n".join(f"- {_with_code(step)}" for step in view.steps),
            *_rights(view.rights),
            f"## Stored below {escaped(place)}",
            "\n".join(f"- {_link(name, f'{place}/{name}')}" for name in kept),
        ]
    )


def cost_rows(record: BuildRecord) -> list[dict[str, str | int]]:
    """Return what each model cost in each stage, tool and attempt of the build, and the sum: US dollars and tokens."""
    view = build_view(record, {})
    together = Payment("all", "", view.together.calls, view.together.cost_usd, view.together.tokens)
    rows = [*view.payments, together]
    if without_caching(record):
        rows.append(Payment("all, without caching", "", together.calls, record.uncached_usd, together.tokens))
    return [_cost_row(each) for each in rows]


def _cost_row(paid: Payment) -> dict[str, str | int]:
    return {
        "part": paid.part,
        "model": paid.model,
        "calls": paid.calls,
        "cost": money(paid.cost_usd),
        "tokens in": paid.tokens.prompt,
        "cached": paid.tokens.cached,
        "tokens out": paid.tokens.completion,
    }


def _listed(title: str, entries: Iterable[tuple[str, str, str]]) -> list[str]:
    """List names, what stands in brackets after each, and what is said of it; an empty list has no title."""
    lines = []
    for name, more, text in entries:
        brackets = f" ({escaped(more)})" if more else ""
        lines.append(f"- **{escaped(name)}**{brackets}: {escaped(text)}")
    return [f"## {title}", "\n".join(lines)] if lines else []


def _rights(rights: Iterable[Right]) -> list[str]:
    rows = ((f"{each.kind} {each.name}", each.by, "; ".join(filter(None, (each.does, each.tried)))) for each in rights)
    return _listed("What this agent may do", rows)


def _mark(check: Check) -> str:
    return "✓" if check.passed else "✗" if check.required else "!"


def _with_code(step: str) -> str:
    """Keep what stands in `backticks` as code; a command of ours holds no backtick."""
    pieces = step.split("`")
    return "".join(f"`{text}`" if number % 2 else escaped(text) for number, text in enumerate(pieces))


def _link(name: str, url: str) -> str:
    shown = name if _PLAIN_NAME.fullmatch(name) else escaped(name)  # Prefect's UI shows backslashes in a link's text
    return f"[{shown}]({quote(url, safe=':/')})"
