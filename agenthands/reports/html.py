"""The report of a build: one HTML page that needs no network and no script."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agenthands._util.formatting import duration, money
from agenthands.evaluation.transcript import tool_calls
from agenthands.packaging.readme import README, commands_of
from agenthands.reports.charts import spending_rows, timeline
from agenthands.reports.jinja import line_count, page_environment
from agenthands.reports.plan_diagram import plan_figures
from agenthands.reports.remedies import advice_on_case, advice_on_check, meaning
from agenthands.reports.summary import (
    batch_steps,
    batch_verdict,
    gate_summary,
    next_steps,
    opinion_sentence,
    pieces,
    ruling_sentences,
    verdict,
)
from agenthands.reports.view_model import arguments_of, attempts_at, examples_of, servers_of, specification_of
from agenthands.schemas import BatchReport, BuildRecord, CaseResult, ToolOutcome

_TEXTS = re.compile(r".*\.py|tools/[^/]+/gate-\d+\.json|acceptance/[^/]+\.json")


def is_shown(name: str) -> bool:
    """Return whether a report shows the file of a build with this name."""
    return _TEXTS.fullmatch(name) is not None


def render_report(record: BuildRecord, files: Mapping[str, str]) -> str:
    """Render a build as one self-contained page.

    `files` gives the texts of the files for which `is_shown` is true, and the agent's README; what is missing is left
    out of the page. Everything that a model or a user wrote is escaped.
    """
    chart, spending = timeline(record), spending_rows(record)
    values = {
        "record": record,
        "plan": record.plan,
        "verdict": verdict(record),
        "steps": [pieces(step) for step in next_steps(record)],
        "failures": _failures(record),
        "facts": _facts(record),
        "graph": _graph(record),
        "timeline": chart,
        "spending": spending if record.plan or record.spending else [],
        "tools": [_tool(number, tool, record, files) for number, tool in enumerate(record.tools, 1)],
        "servers": _servers(record),
        "cases": _cases(record, files),
        "commands": commands_of(files.get(README, "")),
    }
    sections = [
        ("request", "Request", True),
        ("plan", "Plan", record.plan),
        ("timeline", "Timeline", chart.rows),
        ("spending", "Cost", values["spending"]),
        ("tools", "Tools", record.tools),
        ("servers", "MCP servers", values["servers"]),
        ("cases", "Acceptance", record.acceptance),
        ("run", "Run it", record.status == "accepted" or "bundle.tar.gz" in record.files),
        ("made", "Made with", True),
    ]
    shown = [(anchor, title) for anchor, title, there in sections if there]
    return page_environment().get_template("report.html.j2").render(sections=shown, **values)


def render_failed_report(record: BuildRecord, traceback: str) -> str:
    """Render the page that stands in place of a report that could not be rendered.

    It uses as little as it can of what may have the bug.
    """
    name = record.plan.name if record.plan else "A build without a plan"
    template = page_environment().get_template("report_failed.html.j2")
    return template.render(record=record, name=name, traceback=traceback)


def _failures(record: BuildRecord) -> list[tuple[str, str]]:
    """Return the tools and test cases that did not pass: where the page shows them, and their names."""
    cases = record.acceptance.cases if record.acceptance else []
    tools = [(f"tool-{n}", tool.name) for n, tool in enumerate(record.tools, 1) if tool.status != "accepted"]
    return tools + [(f"case-{n}", case.id) for n, case in enumerate(cases, 1) if not case.passed]


def _facts(record: BuildRecord) -> list[tuple[str, str, str]]:
    """Return the figures of the first screen: label, figure, what stands below it."""
    accepted = sum(tool.status == "accepted" for tool in record.tools)
    cases = record.acceptance.cases if record.acceptance else []
    passed = sum(case.passed for case in cases)
    reused = sum(tool.cached for tool in record.tools)
    tokens = record.tokens
    return [
        (
            "Tools",
            f"{accepted} of {len(record.tools)}" if record.tools else "none",
            f"{reused} reused" if reused else "passed the gate" if record.tools else "",
        ),
        ("Test cases", f"{passed} of {len(cases)}" if cases else "not run", "passed" if cases else ""),
        ("Cost", "unknown" if record.cost_usd is None else money(record.cost_usd), "all models together"),
        ("Time", duration(record.seconds), "from start to finish"),
        ("Tokens", f"{tokens.prompt + tokens.completion:,}", f"{tokens.cached:,} cached"),
    ]


def _graph(record: BuildRecord) -> tuple[str, str]:
    if record.plan is None:
        return "", ""
    outcomes = {tool.name: "reused" if tool.cached else tool.status for tool in record.tools}
    marks = {
        f"tool {name}": f"{'✗' if said in ('rejected', 'failed') else '✓'} {said}" for name, said in outcomes.items()
    }
    marks |= {f"server {pin.id}": f"✓ {pin.version}" for pin in record.mcp_servers}
    links = {f"tool {tool.name}": f"#tool-{number}" for number, tool in enumerate(record.tools, 1)}
    links |= {f"server {each.id}": f"#server-{number}" for number, each in enumerate(record.plan.mcp_servers, 1)}
    return plan_figures(record.plan, marks, links)


def _tool(number: int, tool: ToolOutcome, record: BuildRecord, files: Mapping[str, str]) -> dict[str, Any]:
    specification = specification_of(tool, record)
    checks = (
        [(check, meaning(check.name), advice_on_check(check.name)) for check in tool.gate.checks] if tool.gate else []
    )
    code = files.get(f"tools/{tool.name}/nat_tools/{tool.name}.py")
    return {
        "anchor": f"tool-{number}",
        "outcome": tool,
        "specification": specification,
        "arguments": arguments_of(specification) if specification else [],
        "examples": examples_of(specification) if specification else [],
        "gate": gate_summary(tool),
        "checks": checks,
        "failed": [each for each in checks if not each[0].passed],
        "coverage": tool.gate.coverage if tool.gate else None,
        "survivors": [_fault(each) for each in tool.gate.survivors] if tool.gate else [],
        "rulings": [ruling_sentences(ruling) for ruling in tool.gate.rulings] if tool.gate else [],
        "attempts": attempts_at(tool, record, files),
        "code": code,
        "lines": line_count(code) if code is not None else 0,
        "tests": files.get(f"tools/{tool.name}/tests/test_{tool.name}.py"),
    }


def _fault(survivor: Mapping[str, Any]) -> dict[str, Any]:
    line = survivor.get("line")
    return {
        "line": line if isinstance(line, int) else 0,
        "kind": str(survivor.get("kind", "")),
        "diff": str(survivor.get("diff", "")),
    }


def _servers(record: BuildRecord) -> list[dict[str, Any]]:
    return [{"anchor": f"server-{number}", **vars(each)} for number, each in enumerate(servers_of(record), 1)]


def _cases(record: BuildRecord, files: Mapping[str, str]) -> list[dict[str, Any]]:
    asked = record.acceptance.cases if record.acceptance else []
    planned = {case.id: case for case in record.plan.test_cases} if record.plan else {}
    return [_case(number, case, planned, files) for number, case in enumerate(asked, 1)]


def _case(number: int, case: CaseResult, planned: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    question = planned.get(case.id)
    return {
        "anchor": f"case-{number}",
        "result": case,
        "query": question.query if question else "",
        "expected": question.expected_behavior if question else "",
        "opinion": opinion_sentence(case),
        "advice": "" if case.passed else advice_on_case(case),
        "calls": tool_calls(files.get(f"acceptance/{case.id}.json", "{}")),
    }


def render_batch(report: BatchReport) -> str:
    """Render a batch as one self-contained page; links to builds are relative to its place in the store."""
    tokens = [item.tokens.prompt + item.tokens.completion for item in report.builds]
    reused = sum(item.cached for item in report.builds)
    return (
        page_environment()
        .get_template("batch.html.j2")
        .render(
            report=report,
            verdict=batch_verdict(report),
            steps=[pieces(step) for step in batch_steps(report)],
            facts=[
                (
                    "Accepted",
                    f"{report.count('accepted')} of {len(report.builds)}",
                    f"{reused} built before" if reused else "",
                ),
                ("Cost", "unknown" if report.cost_usd is None else money(report.cost_usd), "all builds together"),
                ("Time", duration(report.seconds), "from start to finish"),
                ("Tokens", f"{sum(tokens):,}", ""),
            ],
            items=sorted(enumerate(report.builds, 1), key=lambda each: (each[1].exit_code == 0, each[0])),
            longest=max((item.seconds for item in report.builds), default=0.0),
            largest=max(tokens, default=0),
        )
    )
