"""The HTML report, read back with a parser as a browser reads it."""

import re

import pytest
import sample_records as samples
from page_support import EVIL, Page, planted
from rich_records import everything

from agenthands.reports.charts import spending_rows, timeline
from agenthands.reports.html import render_batch, render_report
from agenthands.schemas import Acceptance, BatchReport, BuildRecord, PlanRepair, StageTime
from agenthands.store.batches import item_of


@pytest.mark.parametrize("kind", samples.BUILDS)
def test_the_page_is_well_formed_and_loads_nothing(kind):
    html = render_report(samples.BUILDS[kind](), samples.files())
    page = Page(html)
    assert html.lstrip().startswith("<!doctype html>")
    assert page.complaints() == []
    assert not re.search(r"(?<!xmlns=\")https?://|url\(|@import", html)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    assert {"header", "nav", "main", "footer", "h1"} <= set(page.tags)
    heads, bodies = (re.findall(f"<{part}>(.*?)</{part}>", html, re.DOTALL) for part in ("thead", "tbody"))
    assert len(heads) == page.tags.count("table") == len(bodies)
    assert not [head for head in heads if "<td" in head]
    assert not [row for body in bodies for row in body.split("<tr")[1:] if '<th scope="row">' not in row]
    assert page.values("href")[0] == "#content"


def test_an_accepted_build_has_every_part():
    text = Page(render_report(samples.whole(), samples.files())).text
    for part in (
        "The agent works: 2 tools passed the gate, and it passed 2 test cases.",
        samples.BUILD_ID,
        samples.REQUEST,
        "Converts amounts between currencies at given rates",
        "Decided for you Amounts are rounded to cents",
        "converter tool_calling_agent Converts amounts, and knows dates. "
        "uses convert_currency, parse_date, time, current_datetime "
        "What it is told 15 words You convert amounts. - Ask for a rate that is missing. - Never guess one.",
        "Rates are given in the question",
        "current_datetime Says what day it is.",
        "Environment from 22 s, for 12 s; 12 s",
        "attempt 2, coding: from 1m 23s, for 40 s;",
        "convert_currency accepted 2 attempts, $0.059, 53,320 tokens, 1m 36s",
        "94% of lines covered by the tests",
        "Attempt 1 failed tests coder 40 s gate 8.0 s 9 calls 20,000 tokens $0.030",
        "Attempt 2 passed coder 40 s gate 8.4 s 1 call 8,000 tokens unknown",
        "What attempt 1 failed at failed tests tests 1 of 3 hidden examples failed.",
        "Gate 10 of 10 checks",
        "✓ held_out So does the third of them that the coder never saw. held_out is fine.",
        "Faults that the tests did not notice 1 Line 1 , constant @@ -1 +1 @@ -return 9 +return 10",
        "Specification 3 examples Needed for the request.",
        '{"amount": 1, "to": "EUR"} gives 2 the coder saw it',
        "Code 2 lines",
        "return '<b>'",
        "Tests 2 lines",
        "assert 1 < 2",
        "time mcp-server-time 2.1.4 Knows time zones.",
        "convert_time Convert time between zones Other tools of this server 1",
        "get_current_time Say what time it is",
        "How much is 10 USD in EUR at 0.9?",
        "Expected: Calls convert_currency and says 9.",
        "Answer It is 9.00 EUR.",
        "✓ tool_called convert_currency",
        "Transcript 2 calls convert_currency 2.5 s Given {'amount': 10} Answered 9.0 time__convert_time did not end",
        f"agenthands fetch {samples.BUILD_ID} DIR cd DIR",
        "Install it pip install . Ask it nat run",
        "Coder model anthropic/claude-sonnet-4-5",
        "nvidia-nat 1.3.1",
        "b" * 64,
        "bundle.tar.gz",
    ):
        assert part in " ".join(re.sub(r"(?<=\S) (?=[.,;:] )", " ", text).split()), part
    assert "never shown" not in text
    order = ["The agent works", samples.REQUEST, "Environment from", "Together", "Gate 10", "Knows time", "Install it"]
    assert sorted(order, key=text.rindex) == order


class TestTimeline:
    def test_bars_lie_where_things_happened(self):
        chart = timeline(samples.whole())
        names = [row.name for row in chart.rows]
        assert names == [
            "Plan", "Environment", "MCP servers", "Tools", "convert_currency", "parse_date", "Package", "Test cases",
            "Store", "Between stages",
        ]  # fmt: skip
        assert (chart.total, chart.placed, chart.ticks) == (193.4, True, [0, 60, 120, 180])
        html = render_report(samples.whole(), {})
        assert f"left: {round(100 * 83.2 / 193.4, 3)}%; width: {round(100 * 40 / 193.4, 3)}%" in html

    def test_no_second_of_a_build_is_left_unexplained(self):
        stages = [("start", 0.0, 4.0), ("plan", 4.05, 3.0), ("tools", 9.0, 10.0), ("publish", 19.0, 1.0)]
        times = [StageTime(name=name, started=at, seconds=took) for name, at, took in stages]
        chart = timeline(samples.record(stages=times, seconds=22.0, turns=[]))
        (start, *_, between) = [row for row in chart.rows if not row.is_tool]
        assert (start.name, between.name) == ("Start", "Between stages")
        assert [(each.started, each.seconds) for each in between.segments] == [(7.05, 1.95), (20.0, 2.0)]

    def test_a_record_that_knows_no_beginnings_says_so(self):
        chart = timeline(samples.record())
        assert not chart.placed
        assert {each.started for row in chart.rows for each in row.segments} == {0.0}
        assert "this record does not say when it began" in render_report(samples.record(), {})

    def test_a_reused_tool_has_no_bar(self):
        reused = samples.tool("parse_date").from_before()
        (row,) = [row for row in timeline(samples.whole(tools=[reused], turns=[])).rows if row.is_tool]
        assert (row.note, row.segments) == ("reused", [])


class TestSpending:
    def test_each_stage_and_tool_has_its_own(self):
        rows = {row.name: row for row in spending_rows(samples.whole())}
        assert list(rows) == ["Plan", "convert_currency", "parse_date", "Test cases"]
        assert (rows["convert_currency"].calls, rows["convert_currency"].all_tokens) == (10, 28_000)
        assert rows["parse_date"].cost_usd == 0.0132

    def test_unknown_is_never_nothing(self):
        html = render_report(samples.whole(), {})
        costs = re.findall(r'class="number first">(.*?)</td>', html)
        assert costs == ["$0.015", "unknown", "$0.013", "$0.004", "unknown"]
        assert "it is not nothing" in html
        assert spending_rows(samples.whole())[1].cost_usd is None

    def test_an_old_record_leaves_the_rest_to_the_plan(self):
        plan, *_ = spending_rows(samples.old())
        assert plan.cost_usd == pytest.approx(0.0912 - 0.0587 - 0.0132 - 0.004)
        assert plan.all_tokens == 115_400 - 2 * 53_320 - 4_300
        unknown, *_ = spending_rows(samples.old().model_copy(update={"cost_usd": None}))
        assert unknown.cost_usd is None

    def test_a_record_of_before_this_version_can_be_read(self):
        data = samples.whole().model_dump(mode="json", exclude={"spending", "turns"})
        for stage in data["stages"]:
            del stage["started"]
        for pin in data["mcp_servers"]:
            del pin["tools"]
        assert "does not say when" in render_report(BuildRecord.model_validate(data), {})


def test_the_plan_is_drawn_with_what_became_of_its_parts():
    html = render_report(samples.rejected_by_gate(), {})
    wide, narrow = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    for picture in (wide, narrow):
        text = Page(picture).text
        assert "currency-agent tool_calling_agent, 2 test cases" in text
        assert "✗ rejected" in text
        assert "parse_date ✓ reused Written: A tool that does parse_date ex" in text
        assert "time ✓ 2.1.4 MCP server: convert_time" in text
        assert Page(picture).values("href") == ["#tool-1", "#tool-2", "#server-1"]


def boxes(picture):
    """Return the title of each box of a picture, and where its left upper corner lies."""
    found = re.findall(r'<rect x="(\d+)" y="(\d+)".*?class="title"[^>]*>([^<]*)<', picture, re.DOTALL)
    return {title: (int(x), int(y)) for x, y, title in found}


def test_a_team_is_drawn_with_who_asks_whom_and_what_each_uses():
    wide, narrow = re.findall(r"<svg.*?</svg>", render_report(samples.record(plan=samples.team()), {}), re.DOTALL)
    text = Page(wide).text
    assert "lead answers you tool_calling_agent, 2 test cases" in text
    assert "converter Asked, too: Converts amounts" in text
    assert "time ✓ 2.1.4 MCP server: convert_time" in text
    at = boxes(wide)
    agents = [at[name] for name in ("lead", "checker", "writer")]
    assert [x for x, _ in agents] == [1, 25, 49]
    assert agents == sorted(agents, key=lambda place: place[1])
    assert {at[name][0] for name in ("current_datetime", "convert_currency", "time")} == {341}
    for picture in (wide, narrow):
        assert picture.count('class="edge"') == picture.count("<rect") - 1
        ends = re.findall(r'viewBox="0 0 (\d+) (\d+)"', picture)[0]
        rects = re.findall(r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"', picture)
        assert all(int(x) + int(w) < int(ends[0]) and int(y) + int(h) < int(ends[1]) for x, y, w, h in rects)
    assert boxes(narrow)["writer"][0] > boxes(narrow)["checker"][0] > boxes(narrow)["lead"][0]


def test_a_repaired_plan_says_what_was_changed_and_why():
    repair = PlanRepair(failed=["date"], changed=["agents.converter.instructions"], reason="It guessed the year.")
    text = Page(render_report(samples.record(repairs=[repair]), {})).text
    assert "Changed after failed test cases date: It guessed the year. agents.converter.instructions" in text


def test_a_rejected_tool_shows_the_gate_s_findings_and_what_to_do():
    html = render_report(samples.rejected_by_gate(), samples.files())
    text = Page(html).text
    assert "The agent did not pass: the gate rejected convert_currency." in text
    assert "Look at what the gate says about convert_currency" in text
    assert "state its examples more exactly in the request" in text
    assert (
        "held_out So does the third of them that the coder never saw. 1 of 3 hidden examples failed. "
        f"{samples.HELD_OUT}" in text
    )
    assert "What to do: The tool and its specification disagree." in text
    assert "Faults that the tests did not notice 1" in text
    assert "+ return amount + rate" in text
    assert "reused, 1 attempt, $0.00" in text
    assert "Run the agent" not in text
    assert '<a href="#tool-1">convert_currency</a>' in html


def test_a_rejected_agent_shows_its_wrong_answers_and_what_to_do():
    text = Page(render_report(samples.rejected_by_cases(), samples.files())).text
    assert "Look at the answers to date" in text
    assert "date failed" in text
    assert "Answer The third of May." in text
    assert "✗ regex 2026-05-02" in text
    assert "What to do: The answer lacks what the check wants." in text
    assert f"To ask it yourself, fetch it as it is: agenthands fetch {samples.BUILD_ID} DIR --rejected" in text
    assert f"Run the rejected agent Fetch it agenthands fetch {samples.BUILD_ID} DIR --rejected" in text


def test_an_agent_that_nat_does_not_load_is_nothing_to_try():
    refused = Acceptance(passed=False, reason="NAT cannot load the agent: x", reason_code="agent_not_loaded")
    record = samples.record(status="rejected", reason=refused.reason, acceptance=refused)
    text = Page(render_report(record, samples.files())).text
    assert "NAT cannot load the agent: x" in text
    for offer in ("agenthands fetch", "Run the", "Run it", "nat run"):
        assert offer not in text


def test_a_failed_build_says_why_and_what_to_do():
    text = Page(render_report(samples.failed(), {})).text
    assert "The build could not be finished: The planner's answers stayed unusable." in text
    assert "agenthands doctor" in text
    assert "Cost unknown" in text
    for part in ("Acceptance", "MCP servers", "Run the agent"):
        assert part not in text


def test_whatever_a_model_or_a_user_wrote_stays_text():
    record = planted(everything())
    assert record.tools[0].name == record.plan.name == record.build_id == EVIL
    call = [{**step, "name": EVIL, "input": EVIL, "output": EVIL} for step in samples.TRANSCRIPT["steps"]]
    readme = f"## Install it\n\n```sh\n{EVIL}\n```\n"
    files = {
        f"tools/{EVIL}/nat_tools/{EVIL}.py": EVIL,
        f"tools/{EVIL}/tests/test_{EVIL}.py": EVIL,
        f"tools/{EVIL}/gate-1.json": planted(samples.gate("a", wrong=("tests",))).model_dump_json(),
        f"acceptance/{EVIL}.json": samples.json.dumps({"steps": call}),
        "README.md": readme,
    }
    html = render_report(record, files)
    page = Page(html)
    assert page.complaints() == []
    assert "\u202e" not in html
    assert page.text.count("<script>alert(1)</script>") > 60
    assert "{{ 7 * 7 }}" in page.text
    assert "49" not in page.text.replace("149", "")


def test_a_batch_of_hostile_builds_is_text_with_links_into_its_store():
    hostile = planted(everything())
    item = item_of(hostile.model_copy(update={"build_id": "b"}))  # which is refused where a report is read
    items = [item.model_copy(update={"build_id": hostile.build_id}), item_of(samples.failed())]
    report = BatchReport(batch_id="b", source=EVIL, started_at="2026-11-23T20:00:00Z", seconds=1, builds=items)
    report = report.model_copy(update={"batch_id": EVIL, "started_at": EVIL})
    page = Page(render_batch(report))
    assert page.complaints(links="../../agents/") == []
    assert page.text.count("<script>alert(1)</script>") >= 6
    assert page.values("href")[-1] == f"../../agents/unplanned/{samples.BUILD_ID}/report.html"


def test_texts_of_any_length_are_shown_in_part():
    case = samples.case("simple", answer="a" * 3_000_000)
    html = render_report(samples.record(acceptance=Acceptance(passed=True, cases=[case])), {})
    assert len(html) < 300_000
    assert "2,950,000 more characters are left out here" in html


@pytest.mark.parametrize("broken", ["", "[]", '{"steps": 3}', '{"steps": [3, {"event": "FUNCTION_START"}]}', "{"])
def test_a_transcript_or_gate_report_that_cannot_be_read_is_left_out(broken):
    files = {"acceptance/simple.json": broken, "tools/convert_currency/gate-1.json": broken}
    page = Page(render_report(samples.whole(), files))
    assert page.complaints() == []
    assert "Attempt 1 not recorded" in page.text
