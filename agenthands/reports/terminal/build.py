"""Builds, plans and gate reports as plain text with aligned columns, for a terminal or a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agenthands._util.formatting import cells, count, duration, money, one_line, pad
from agenthands.reports.summary import ruling_sentences, without_caching
from agenthands.reports.terminal.charts import spending_lines, timeline_lines
from agenthands.reports.terminal.details import LONGEST_REQUEST, check_lines, details
from agenthands.reports.terminal.layout import (
    LABEL,
    Row,
    fact,
    moment,
    section,
    table,
    terminal_columns,
    wrapped,
)
from agenthands.reports.terminal.plan import agent_lines, bullets, rights_lines
from agenthands.reports.view_model import CaseView, ShownServer, ToolView, build_view, check_views
from agenthands.schemas import Acceptance, BuildRecord, GateReport


def show_text(record: BuildRecord, texts: Mapping[str, str] | None = None) -> str:
    """Say everything about one build that a person wants first; the record itself has the rest.

    With `texts`, the files that a report shows, all the rest of the report follows.
    """
    view = build_view(record, texts or {})
    name = record.plan.name if record.plan else "(no plan)"
    longest = 200 if texts is None else 2000
    parts = [
        [f"{one_line(name)}  {one_line(record.build_id)}  {record.status.upper()}", *wrapped(view.verdict)],
        _facts(record),
        section("Decided for you", bullets(record.plan.assumptions) if record.plan else []),
        section("Agents", agent_lines(record.plan, whole=False) if record.plan else []),
        section("Made of", _plan_lines(record, longest)),
        section("What this agent may do", rights_lines(view.rights)),
        section("Timeline", timeline_lines(view.timeline)),
        section("Cost and tokens", spending_lines(view.spending, view.together)),
        section("Tools", _tool_lines(view.tools)),
        section("MCP servers", _server_lines(view.servers, longest)),
        section("Test cases", _case_lines(record.acceptance, view.cases) if record.acceptance else []),
        *(details(view) if texts is not None else []),
        section("Next", [line for step in view.steps for line in wrapped(step.replace("`", ""), "- ")]),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def list_text(records: Sequence[BuildRecord]) -> str:
    """Return one line a build, below a line of headings; in a narrow terminal without its start, which its id says."""
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
                moment(record.started_at),
            )
        )
    lines = table(rows, {3, 4, 5})
    if max(cells(line) for line in lines) > terminal_columns():
        lines = table([row[:-1] for row in rows], {3, 4, 5})
    return "\n".join(lines)


def gate_text(report: GateReport) -> str:
    """Return what the gate found, check by check, with the whole detail of what failed."""
    lines = [f"{report.tool}  {'ACCEPTED' if report.accepted else 'REJECTED'}  {duration(report.seconds)}", ""]
    lines += [f"  {line}" for line in check_lines(check_views(report.checks))]
    if report.survivors and report.accepted:
        places = ", ".join(str(each["line"]) for each in report.survivors)
        lines += [
            "",
            *wrapped(f"Changes that the tests do not notice are possible in line {places} (--json has them)."),
        ]
    for ruling in report.rulings:
        lines += ["", *wrapped(ruling_sentences(ruling))]
    return "\n".join(lines)


def _facts(record: BuildRecord) -> list[str]:
    plan, tokens = record.plan, record.tokens
    roles = table([("", role, model) for role, model in record.models.items()])
    cost = money(record.cost_usd) + (f" ({uncached})" if (uncached := without_caching(record)) else "")
    used = f"{count(tokens.prompt, 'token')} in ({tokens.cached:,} cached), {tokens.completion:,} out"
    return [
        *fact("request", one_line(record.request.request, LONGEST_REQUEST)),
        *(fact("summary", plan.summary) if plan else []),
        *(pad("models" if number == 0 else "", LABEL) + line.strip() for number, line in enumerate(roles)),
        *fact("started", f"{moment(record.started_at)} UTC, took {duration(record.seconds)}"),
        *fact("spent", f"{cost}, {used}"),
    ]


def _plan_lines(record: BuildRecord, longest: int) -> list[str]:
    if record.plan is None:
        return []
    parts = [
        *(("tool", tool.name, one_line(record.plan.about(tool), longest)) for tool in record.plan.custom_tools),
        *(
            ("server", server.id, one_line(", ".join(server.marked_tools()), longest))
            for server in record.plan.mcp_servers
        ),
        *(("NAT", tool.type, one_line(tool.reasoning, longest)) for tool in record.plan.builtin_tools),
    ]
    return table(parts, longest=longest)


def _server_lines(servers: Sequence[ShownServer], longest: int) -> list[str]:
    said = []
    for server in servers:
        installed = (server.pin.package, server.pin.version) if server.pin else ("not installed",)
        said += table([(server.id, *installed)])
        said += table(server.used, longest=longest, start="  ")
    return said


def _tool_lines(tools: Sequence[ToolView]) -> list[str]:
    if not tools:
        return []
    rows: list[Row] = [("name", "status", "tries", "cost", "time", "gate")]
    for tool in tools:
        made = tool.outcome
        status = f"{made.status}, reused" if made.cached else made.status
        spent = (str(made.attempts), money(made.cost_usd), duration(made.seconds))
        rows.append((made.name, status, *spent, tool.gate))
    heading, *lines = table(rows, {2, 3, 4})
    said = [heading]
    for tool, line in zip(tools, lines, strict=True):
        said.append(line)
        said += [part for check in _failures(tool) for part in wrapped(check, "    ")]
        said += wrapped(_measured(tool), "    ") if tool.outcome.gate else []
        said += [part for ruling in tool.rulings for part in wrapped(ruling, "    ")]
    return said


def _measured(tool: ToolView) -> str:
    """Return how much of a tool its tests run, and where they would not notice a change."""
    covered = "" if tool.coverage is None else f"{tool.coverage:.0%} of lines covered by the tests"
    lines = ", ".join(str(fault.line or "?") for fault in tool.survivors)
    missed = f"changes that the tests do not notice are possible in line {lines}" if lines else ""
    return "; ".join(filter(None, (covered, missed)))


def _failures(tool: ToolView) -> list[str]:
    if tool.outcome.status == "accepted":
        return []
    failed = [each for each in tool.failed if each.check.required]
    said = [f"{each.check.name}: {one_line(each.check.detail)}" for each in failed]
    said += [f"What to do about {each.check.name}: {each.advice}" for each in failed[:1]]
    return said or ([one_line(tool.outcome.reason)] if tool.outcome.reason else [])


_MARKS = {"passed": "ok    ", "failed": "FAILED", "not_tried": "not tried"}


def _case_lines(acceptance: Acceptance, cases: Sequence[CaseView]) -> list[str]:
    lines = wrapped(acceptance.reason) if acceptance.reason else []
    if acceptance.cached:
        asked = f"Asked by an earlier build of the same package, {acceptance.build_id}, which has the transcripts."
        lines += wrapped(asked)
    for case in cases:
        result = case.result
        called = one_line(", ".join(result.tools_called)) or "no tool"
        mark = _MARKS[result.outcome]
        lines.append(f"{mark}  {one_line(result.id)}  {duration(result.seconds)}  called {called}")
        if result.outcome != "passed":
            missed = [f"{check.kind} {one_line(str(check.value), 200)}" for check in result.checks if not check.passed]
            lines += wrapped(f"missed: {'; '.join(missed)}", "    ") if missed else []
            lines += wrapped(f"error: {one_line(result.error)}", "    ") if result.error else []
            lines += wrapped(f"answer: {one_line(result.answer)}", "    ") if result.answer else []
            lines += wrapped(f"What to do: {case.advice}", "    ")
    return lines
