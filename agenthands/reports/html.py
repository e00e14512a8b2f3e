"""The report of a build: one HTML page that needs no network and no script."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agenthands._util.formatting import duration, money
from agenthands.reports.comparison import Comparison
from agenthands.reports.jinja import page_environment
from agenthands.reports.plan_diagram import plan_figures
from agenthands.reports.summary import batch_steps, batch_verdict, can_be_asked, pieces
from agenthands.reports.team import team_of
from agenthands.reports.view_model import BuildView, build_view
from agenthands.schemas import BatchReport, BuildRecord

_TEXTS = re.compile(r".*\.py|tools/[^/]+/gate-\d+\.json|acceptance/[^/]+\.json")


def is_shown(name: str) -> bool:
    """Return whether a report shows the file of a build with this name."""
    return _TEXTS.fullmatch(name) is not None


def render_report(record: BuildRecord, files: Mapping[str, str]) -> str:
    """Render a build as one self-contained page.

    `files` gives the texts of the files for which `is_shown` is true, and the agent's README; what is missing is left
    out of the page. Everything that a model or a user wrote is escaped.
    """
    view = build_view(record, files)
    sections = [
        ("request", "Request", True),
        ("plan", "Plan", record.plan),
        ("rights", "What it may do", view.rights),
        ("timeline", "Timeline", view.timeline.rows),
        ("spending", "Cost", view.spending),
        ("tools", "Tools", view.tools),
        ("servers", "MCP servers", view.servers),
        ("cases", "Acceptance", record.acceptance),
        ("run", "Run it", can_be_asked(record)),
        ("made", "Made with", True),
    ]
    shown = [(anchor, title) for anchor, title, there in sections if there]
    template = page_environment().get_template("report.html.j2")
    return template.render(
        **{**vars(view), "steps": [pieces(step) for step in view.steps]},
        plan=record.plan,
        graph=_graph(view),
        team=team_of(record.plan) if record.plan else [],
        sections=shown,
    )


def render_failed_report(record: BuildRecord, traceback: str) -> str:
    """Render the page that stands in place of a report that could not be rendered.

    It uses as little as it can of what may have the bug.
    """
    name = record.plan.name if record.plan else "A build without a plan"
    template = page_environment().get_template("report_failed.html.j2")
    return template.render(record=record, name=name, traceback=traceback)


def render_comparison(found: Comparison) -> str:
    """Render what differs between two builds as one self-contained page."""
    name = found.after.plan.name if found.after.plan else "A build without a plan"
    return page_environment().get_template("comparison.html.j2").render(found=found, name=name)


def _graph(view: BuildView) -> tuple[str, str]:
    plan = view.record.plan
    if plan is None:
        return "", ""
    outcomes = {tool.outcome.name: "reused" if tool.outcome.cached else tool.outcome.status for tool in view.tools}
    marks = {
        f"tool {name}": f"{'✗' if said in ('rejected', 'failed') else '✓'} {said}" for name, said in outcomes.items()
    }
    marks |= {f"server {pin.id}": f"✓ {pin.version}" for pin in view.record.mcp_servers}
    links = {f"tool {tool.outcome.name}": f"#{tool.anchor}" for tool in view.tools}
    links |= {f"server {each.id}": f"#{each.anchor}" for each in view.servers}
    return plan_figures(plan, marks, links)


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
