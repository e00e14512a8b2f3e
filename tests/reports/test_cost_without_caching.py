"""What a build would have cost without the providers' caches of prompts, where that is not the same."""

import pytest
from sample_records import record

from agenthands.reports.html import render_report
from agenthands.reports.markdown import cost_rows
from agenthands.reports.terminal.build import show_text


@pytest.mark.parametrize(
    ("uncached", "said"),
    [(0.31, "$0.310 without caching"), (None, ""), (0.0912, "")],
    ids=["dearer", "unknown", "same"],
)
def test_it_is_said_only_where_it_differs(uncached, said):
    made = record(cost_usd=0.0912, uncached_usd=uncached)
    shown = " ".join(show_text(made).split())
    page = render_report(made, {})
    rows = [row["part"] for row in cost_rows(made)]
    if said:
        assert f"spent $0.091 ({said})," in shown
        assert said in page
        assert rows[-2:] == ["all", "all, without caching"]
        assert cost_rows(made)[-1]["cost"] == "$0.310"
    else:
        assert "without caching" not in shown + page + str(rows)
