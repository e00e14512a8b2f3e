"""The overview of a batch: one HTML page that needs no network and no script, with links to the builds."""

from __future__ import annotations

from agenthands.models import BatchReport
from agenthands.page_environment import page_environment
from agenthands.verdict import batch_verdict
from agenthands.wording import duration, money


def render_batch(report: BatchReport) -> str:
    """Render a batch as one self-contained page; links to builds are relative to its place in the store."""
    tokens = sum(item.tokens.prompt + item.tokens.completion for item in report.builds)
    return (
        page_environment()
        .get_template("batch.html.j2")
        .render(
            report=report,
            verdict=batch_verdict(report),
            facts=[
                ("Accepted", f"{report.count('accepted')} of {len(report.builds)}"),
                ("Cost", "unknown" if report.cost_usd is None else money(report.cost_usd)),
                ("Time", duration(report.seconds)),
                ("Tokens", f"{tokens:,}"),
            ],
            items=sorted(enumerate(report.builds, 1), key=lambda each: (each[1].exit_code == 0, each[0])),
        )
    )
