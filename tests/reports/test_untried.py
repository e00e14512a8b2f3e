"""What an acceptance could not try for want of the network is said by every report, and is no failure."""

import pytest
import sample_records as samples

from agenthands.reports.html import render_report
from agenthands.reports.markdown import result_markdown
from agenthands.reports.summary import next_steps, verdict
from agenthands.reports.terminal.build import show_text
from agenthands.reports.view_model import build_view
from agenthands.schemas import Acceptance

UNTRIED = "Not tried, because the network was closed: dated."
IMAGINED = "Never reached, so what they answer is only imagined: "


def untried(hosts=("api.example.org",), unreached=()):
    cases = [
        samples.case("simple"),
        samples.case(
            "dated", passed=False, state="not_tried", reason_code="network_missing", hosts=hosts, error="gone"
        ),
    ]
    return samples.record(acceptance=Acceptance(passed=True, cases=cases, unreached=unreached))


def test_the_verdict_says_what_was_proven_not_tried_and_imagined():
    assert verdict(untried()) == f"The agent works: 2 tools passed the gate, and it passed 1 test case. {UNTRIED}"
    assert verdict(untried(unreached=["fetch_rates"])).endswith(f"{UNTRIED} {IMAGINED}fetch_rates.")
    server = samples.plan().mcp_servers[0]
    whole = [f"{server.id}__{tool}" for tool in server.tools]
    assert verdict(untried(unreached=[*whole, "fetch_rates"])).endswith(f"{IMAGINED}fetch_rates, {server.id}.")


@pytest.mark.parametrize(("hosts", "line"), [(("a.org", "b.org:81"), "a.org,b.org:81"), ((), "HOST,HOST")])
def test_the_steps_have_the_line_that_would_try_it(hosts, line):
    assert f"AGENTHANDS_EGRESS={line}`" in next_steps(untried(hosts))[-1]
    assert not any("EGRESS" in step for step in next_steps(samples.record()))


def test_no_report_calls_it_failed():
    view = build_view(untried(), {})
    assert view.failures == []
    assert ("Test cases", "1 of 2", "passed, 1 not tried") in view.figures
    assert "AGENTHANDS_EGRESS=api.example.org" in view.cases[1].advice
    page = render_report(untried(), {})
    assert "not tried</span>" in page
    assert "failed</span>" not in page
    text = show_text(untried())
    assert "not tried  dated" in text
    assert "FAILED" not in text
    assert "because the network was closed" in result_markdown(untried(), "/store")


def test_a_case_of_an_old_record_is_passed_or_failed():
    assert [samples.case("a").outcome, samples.case("a", passed=False).outcome] == ["passed", "failed"]
