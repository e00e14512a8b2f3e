"""What each attempt at a tool cost, all models together, in the report and in the terminal."""

import re

import pytest
import sample_records as samples
from page_support import Page

from agenthands.reports.charts import spending_rows
from agenthands.reports.html import render_report
from agenthands.reports.markdown import cost_rows
from agenthands.reports.terminal.build import show_text
from agenthands.reports.view_model import attempts_at
from agenthands.schemas import Spending, Tokens

TOOL = "convert_currency"


def spent(model, calls, cost, cached, attempt=1, **more):
    tokens = Tokens(prompt=1_000 * calls, completion=100 * calls, cached=cached)
    return Spending(
        stage="tools", tool=TOOL, attempt=attempt, model=model, calls=calls, cost_usd=cost, tokens=tokens, **more
    )


def record(*spending):
    return samples.whole(spending=spending)


def test_an_attempt_has_what_all_its_models_cost():
    build = record(spent("a/coder", 3, 0.03, 200), spent("b/fallback", 4, 0.05, 1_500), spent("a/coder", 2, None, 0, 2))
    first, second = attempts_at(build.tools[0], build, {})
    assert (first.spending.calls, first.spending.cost_usd) == (7, pytest.approx(0.08))
    assert first.spending.tokens == Tokens(prompt=7_000, completion=700, cached=1_700)
    assert (second.spending.calls, second.spending.cost_usd) == (2, None)
    text = " ".join(Page(render_report(build, {})).text.split())
    assert re.search(r"Attempt 1 \S.*? 7 calls 7,700 tokens 1,700 cached \$0\.080 Attempt 2", text)


def test_the_terminal_tells_what_was_cached():
    build = record(spent("a/coder", 3, 0.03, 200), spent("b/planner", 1, 0.05, 1_500))
    (line,) = (
        line.split() for line in show_text(build).splitlines() if line.startswith(f"  - {TOOL} ") and "$" in line
    )
    assert line == ["-", TOOL, "4,400", "1,700", "#" * 16, "4", "$0.080"]


def test_calls_that_were_cut_off_are_told_beside_what_is_known():
    asked = Spending(stage="accept", model="a", calls=2, cut_off=1, cost_usd=0.04, tokens=Tokens())
    build = record(asked, spent("a/coder", 3, 0.03, 0))
    row = next(row for row in spending_rows(build) if row.name == "Test cases")
    assert (row.cost_usd, row.note) == (0.04, "1 call cut off at unknown cost")
    assert "Test cases (1 call cut off at unknown cost)" in show_text(build)
    assert "1 call cut off at unknown cost" in Page(render_report(build, {})).text
    assert cost_rows(build)[0]["part"] == "test cases, 1 call cut off at unknown cost"
