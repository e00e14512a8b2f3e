"""The report of a build: one HTML page that needs no network and no script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agenthands.models import BuildRecord, CaseResult, GateReport, StageTime, ToolOutcome
from agenthands.page_environment import page_environment
from agenthands.verdict import gate_summary, next_steps, ruling_sentences, verdict
from agenthands.wording import duration, money

_SMALLEST_BAR = 0.6


def render_report(record: BuildRecord, files: Mapping[str, str]) -> str:
    """Render a build as one self-contained page.

    `files` gives the texts of `tools/<name>/nat_tools/<name>.py` and `tools/<name>/tests/test_<name>.py`; a tool whose
    files are missing is shown without them. Everything that a model or a user wrote is escaped.
    """
    return page_environment().get_template("report.html.j2").render(
        record=record,
        plan=record.plan,
        verdict=verdict(record),
        steps=[_pieces(step) for step in next_steps(record)],
        facts=_facts(record),
        stages=_bars(record.stages),
        tools=[_tool(tool, record, files) for tool in record.tools],
        cases=[_case(case, record) for case in record.acceptance.cases] if record.acceptance else [],
        pins={pin.id: pin for pin in record.mcp_servers},
    )  # fmt: skip


def _pieces(step: str) -> list[tuple[str, bool]]:
    """Split a sentence at its backticks into texts and whether each is code."""
    return [(text, number % 2 == 1) for number, text in enumerate(step.split("`")) if text]


def _facts(record: BuildRecord) -> list[tuple[str, str, str]]:
    """Give the figures of the first screen: label, figure, what stands below it."""
    accepted = sum(tool.status == "accepted" for tool in record.tools)
    cases = record.acceptance.cases if record.acceptance else []
    passed = sum(case.passed for case in cases)
    reused = sum(tool.cached for tool in record.tools)
    tokens = record.tokens
    return [
        (
            "Tools",
            f"{accepted} of {len(record.tools)}" if record.tools else "none",
            f"{reused} reused" if reused else "",
        ),
        ("Test cases", f"{passed} of {len(cases)}" if cases else "not run", ""),
        ("Cost", "unknown" if record.cost_usd is None else money(record.cost_usd), "models of the whole build"),
        ("Time", duration(record.seconds), f"from {record.started_at[:16].replace('T', ' ')} UTC"),
        ("Tokens", f"{tokens.prompt + tokens.completion:,}", f"{tokens.cached:,} of them cached"),
    ]


def _bars(stages: list[StageTime]) -> list[dict[str, Any]]:
    longest = max((stage.seconds for stage in stages), default=0.0)
    return [
        {
            "name": stage.name,
            "seconds": stage.seconds,
            "percent": round(max(_SMALLEST_BAR, 100 * stage.seconds / longest if longest else 0), 2),
        }
        for stage in stages
    ]


def _tool(tool: ToolOutcome, record: BuildRecord, files: Mapping[str, str]) -> dict[str, Any]:
    specification = (
        next((spec for spec in record.plan.custom_tools if spec.name == tool.name), None) if record.plan else None
    )
    checks = tool.gate.checks if tool.gate else []
    return {
        "outcome": tool,
        "specification": specification,
        "gate": gate_summary(tool),
        "failed": [check for check in checks if not check.passed],
        "passed": [check for check in checks if check.passed],
        "coverage": _percent(tool.gate),
        "rulings": [ruling_sentences(ruling) for ruling in tool.gate.rulings] if tool.gate else [],
        "code": files.get(f"tools/{tool.name}/nat_tools/{tool.name}.py"),
        "tests": files.get(f"tools/{tool.name}/tests/test_{tool.name}.py"),
    }


def _percent(gate: GateReport | None) -> str:
    return "" if gate is None or gate.coverage is None else f"{gate.coverage:.0%} of lines covered by the tests"


def _case(case: CaseResult, record: BuildRecord) -> dict[str, Any]:
    asked = (
        next((planned for planned in record.plan.test_cases if planned.id == case.id), None) if record.plan else None
    )
    return {"result": case, "query": asked.query if asked else "", "expected": asked.expected_behavior if asked else ""}
