"""The overview of a batch: one HTML page that needs no network and no script, with links to the builds."""

from __future__ import annotations

from agenthands.models import BatchReport
from agenthands.page_environment import page_environment
from agenthands.verdict import batch_steps, batch_verdict, pieces
from agenthands.wording import duration, money


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
                ("Cost", "unknown" if report.cost_usd is None else money(report.cost_usd), "models of all builds"),
                ("Time", duration(report.seconds), "from start to end"),
                ("Tokens", f"{sum(tokens):,}", ""),
            ],
            items=sorted(enumerate(report.builds, 1), key=lambda each: (each[1].exit_code == 0, each[0])),
            longest=max((item.seconds for item in report.builds), default=0.0),
            largest=max(tokens, default=0),
        )
    )
