"""What `agenthands show`, `list`, `plan` and `check` print."""

import re

import pytest
import sample_records as samples
from page_support import planted

from agenthands._util.formatting import cells
from agenthands.planning.cost_estimate import Estimate
from agenthands.reports.terminal.build import gate_text, list_text, show_text
from agenthands.reports.terminal.plan import estimate_text, plan_text

HOSTILE = "\x1b[2Jwiped\x1b]0;title\x07 \u202eback\r\nnext"


class TestShow:
    def test_an_accepted_build_shows_every_part(self):
        shown = show_text(samples.record())
        lines = shown.splitlines()
        assert lines[0] == f"currency-agent  {samples.BUILD_ID}  ACCEPTED"
        assert lines[1] == "The agent works: 2 tools passed the gate, and it passed 2 test cases."
        assert f"request   {samples.REQUEST}" in lines
        assert "started   2026-04-12 09:30 UTC, took 3m 13s" in lines
        assert "spent     $0.091, 128,000 tokens in (32,000 cached), 9,600 out" in lines
        assert "models    planner  gemini/gemini-2.5-pro" in lines
        assert "  name              status    tries    cost    time  gate" in lines
        assert "  convert_currency  accepted      2  $0.059  1m 36s  10 of 10 checks" in lines
        assert "      94% of lines covered by the tests" in lines
        assert "  tool    parse_date        A tool that does parse_date exactly." in lines
        assert f"  {'Environment':18}  {'=' * 6:48}  12 s" in lines
        assert "  time  mcp-server-time  2.1.4" in lines
        assert "  ok      simple  4.1 s  called convert_currency" in lines
        assert f"agenthands fetch {samples.BUILD_ID} DIR" in shown

    def test_attempts_lie_on_the_timeline_where_they_were(self):
        lines = show_text(samples.whole()).splitlines()
        at = lines.index("Timeline")
        assert lines[at + 1] == f"  {'':18}  0              1 min          2 min          3 min"
        assert lines[at + 6] == f"  - convert_currency  {' ' * 9}{'c' * 10}gg{'c' * 10}gg{' ' * 15}  1m 36s"
        assert lines[at + 5].strip().startswith("Tools")
        assert "= stage, c the coder at work, g the gate" in lines[at + 12]

    def test_cost_and_tokens_are_told_for_each_tool(self):
        lines = show_text(samples.whole()).splitlines()
        at = lines.index("Cost and tokens")
        assert [line.split() for line in lines[at + 1 : at + 6]] == [
            ["for", "tokens", "cached", "calls", "cost"],
            ["Plan", "5,900", "0", "##", "1", "$0.015"],
            ["-", "convert_currency", "28,000", "0", "###########", "10", "unknown"],
            ["-", "parse_date", "40,000", "10,000", "################", "6", "$0.013"],
            ["Test", "cases", "4,300", "0", "##", "4", "$0.004"],
        ]

    def test_code_tests_faults_attempts_and_transcripts_are_shown_on_demand(self):
        short, full = show_text(samples.whole()), show_text(samples.whole(), samples.files())
        for part in (
            "Attempts at convert_currency\n"
            "  try  coder   gate  calls  tokens  cached     cost  result of the gate\n"
            "    1   40 s  8.0 s      9  20,000       0   $0.030  failed tests\n"
            "    2   40 s  8.4 s      1   8,000       0  unknown  passed\n",
            "What attempt 1 at convert_currency failed at\n"
            f"  FAILED  tests        1 of 3 hidden examples failed.\n      {samples.HELD_OUT}\n",
            "  ok      held_out     held_out is fine.",
            "  line 1, constant\n      @@ -1 +1 @@",
            "+return 10",
            "def convert():\n      return '<b>'",
            "def test_it():",
            "called convert_currency (2.5 s)\n    given\n      {'amount': 10}\n    answered\n      9.0\n",
            "Install it\n  pip install .",
        ):
            assert part in full, part
            assert part not in short, part
        assert "are possible in line 1" in " ".join(short.split())
        assert "never shown" not in full

    def test_a_rejected_tool_shows_what_the_gate_found_and_what_to_do(self):
        shown = show_text(samples.rejected_by_gate())
        assert "The agent did not pass: the gate rejected convert_currency." in shown
        assert "failed held_out, mutation" in shown
        assert samples.HELD_OUT in " ".join(shown.split())
        assert "accepted, reused" in shown
        assert "$0.00" in shown
        assert "Look at what the gate says about convert_currency" in shown
        assert "fetch" not in shown

    def test_a_failed_case_shows_what_it_missed_and_its_answer(self):
        lines = [line.strip() for line in show_text(samples.rejected_by_cases()).splitlines()]
        assert "FAILED  date  4.1 s  called convert_currency" in lines
        assert "missed: regex 2026-05-02" in lines
        assert "answer: The third of May." in lines
        assert any(line.startswith("- Look at the answers to date") for line in lines)

    def test_a_failed_build_says_its_reason_and_leaves_out_what_never_was(self):
        shown = show_text(samples.failed())
        assert shown.splitlines()[0] == f"(no plan)  {samples.BUILD_ID}  FAILED"
        assert "The build could not be finished: The planner's answers stayed unusable." in shown
        assert "cost unknown" in shown
        assert "agenthands doctor" in shown
        for part in ("Tools", "Test cases", "MCP servers"):
            assert part not in shown

    def test_a_tool_without_a_gate_report_says_why(self):
        broken = samples.tool("parse_date", status="failed", gate=None, reason="the sandbox broke", cost_usd=None)
        shown = show_text(samples.record(status="rejected", tools=[broken]))
        assert "cost unknown" in shown
        assert "not checked" in shown
        assert "the sandbox broke" in shown


class TestList:
    def test_columns_are_aligned(self):
        long = samples.record(
            build_id="20260413-000000-aaaaaa",
            plan=samples.plan().model_copy(update={"name": "an-agent-with-a-longer-name"}),
            seconds=12_345.6,
        )
        lines = list_text([samples.record(), long, samples.rejected_by_gate(), samples.failed()]).splitlines()
        assert lines[0].split() == ["BUILD", "AGENT", "STATUS", "TOOLS", "COST", "SECONDS", "STARTED", "(UTC)"]
        assert [line.split() for line in lines[1:]] == [
            [samples.BUILD_ID, "currency-agent", "accepted", "2/2", "$0.091", "193", "2026-04-12", "09:30"],
            [long.build_id, long.plan.name, "accepted", "2/2", "$0.091", "12346", "2026-04-12", "09:30"],
            [samples.BUILD_ID, "currency-agent", "rejected", "1/2", "$0.091", "193", "2026-04-12", "09:30"],
            [samples.BUILD_ID, "-", "failed", "0/0", "cost", "unknown", "193", "2026-04-12", "09:30"],
        ]
        assert len({line.index("2026-04-12 09:30") for line in lines[1:]}) == 1
        assert lines[0].index("STARTED") == lines[1].index("2026-04-12 09:30")

    def test_a_narrow_terminal_loses_the_start_and_nothing_else(self, monkeypatch):
        monkeypatch.setenv("COLUMNS", "80")
        lines = list_text([samples.rejected_by_gate()] * 30).splitlines()
        assert lines[0].split() == ["BUILD", "AGENT", "STATUS", "TOOLS", "COST", "SECONDS"]
        assert {line.split()[-1] for line in lines[1:]} == {"193"}
        assert (len(lines), max(len(line) for line in lines)) == (31, len(lines[0]))

    def test_no_builds_are_headings_alone(self):
        assert list_text([]).split() == ["BUILD", "AGENT", "STATUS", "TOOLS", "COST", "SECONDS", "STARTED", "(UTC)"]


class TestPlanAndGate:
    def test_a_plan_names_everything_it_will_build(self):
        shown = plan_text(samples.plan())
        for part in (
            "currency-agent",
            "why       Rates are given",
            "Decided for you\n  - Amounts are rounded to cents",
            "converter: tool_calling_agent; uses convert_currency, parse_date, time, current_datetime",
            "      - Ask for a rate that is missing.\n      - Never guess one.",
            "convert_currency  amount, to  A tool that does",
            "current_datetime  Says what day it is.",
            "time  convert_time  Knows time zones.",
            "simple  How much is 10 USD",
        ):
            assert part in shown

    def test_agents_stand_below_those_that_ask_them(self):
        lines = plan_text(samples.team()).splitlines()
        at = lines.index("  lead: tool_calling_agent, answers you; asks converter, checker; uses current_datetime")
        assert lines[at + 1] == "      Answers questions about money."
        (checker,) = [line for line in lines if line.lstrip().startswith("checker: ")]
        assert checker == "    checker: tool_calling_agent; asks converter, writer"
        assert "      writer: chat_completion; has its model alone" in lines
        assert [line for line in lines if line.lstrip().startswith("converter: ")] == [
            "    converter: tool_calling_agent; uses convert_currency, parse_date, time"
        ]

    def test_a_build_shows_how_its_agents_are_told_to_work(self):
        shown = show_text(samples.whole())
        assert "  converter: tool_calling_agent; uses" in shown
        assert "You convert amounts. - Ask for a rate that is missing. - Never guess one." in shown

    def test_an_estimate_says_for_what_and_why(self):
        parts = (("2 tools", 0.4, "as much as the last tool cost"), ("3 test cases", None, "no price is known"))
        lines = estimate_text(0.0123, Estimate(None, "", parts)).splitlines()
        assert [re.split(r"\s{2,}", line.strip()) for line in lines] == [
            ["Cost"],
            ["this plan", "$0.012", "paid"],
            ["2 tools", "about $0.400", "as much as the last tool cost"],
            ["3 test cases", "unknown", "no price is known"],
            ["building it", "unknown", "all of that"],
        ]

    def test_a_gate_report_shows_the_whole_detail_of_failures(self):
        lines = gate_text(samples.gate("convert_currency", wrong=("held_out", "hygiene"))).splitlines()
        assert lines[0] == "convert_currency  REJECTED  6.2 s"
        assert "  ok      files        files is fine." in lines
        at = lines.index("  FAILED  held_out     1 of 3 hidden examples failed.")
        assert lines[at + 1].strip() == samples.HELD_OUT
        assert any(line.startswith("  note    hygiene") for line in lines)


@pytest.mark.parametrize("wide", ["", "漢字"])
def test_foreign_text_stays_plain_and_lines_stay_short(wide):
    text = HOSTILE + " many words" * 60 + wide
    plan = samples.plan().model_copy(update={"summary": text, "reasoning": text})
    build = samples.record(
        status="rejected",
        reason=text,
        plan=plan,
        models={"planner": HOSTILE},
        request=samples.record().request.model_copy(update={"request": text}),
        tools=[samples.tool("a_tool", gate=None, status="failed", reason=text)],
        acceptance=samples.rejected_by_cases().acceptance.model_copy(
            update={"cases": [samples.case("simple", passed=False, answer=text, error=text)]}
        ),
    )
    gate = samples.gate("a_tool", wrong=("tests",))
    gate = gate.model_copy(update={"checks": [gate.checks[0].model_copy(update={"passed": False, "detail": text})]})
    hostile = planted(samples.whole(), HOSTILE)
    everything = show_text(hostile, dict.fromkeys(samples.files(), HOSTILE))
    for shown in (show_text(build), plan_text(plan), list_text([build]), gate_text(gate), everything):
        assert not any(char in shown for char in "\x1b\x07\r\u202e")
    for shown in (show_text(build), plan_text(plan)):
        assert max(cells(line) for line in shown.splitlines()) <= 100
