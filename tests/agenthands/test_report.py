"""The HTML report, read back with a parser as a browser reads it."""

import re
from html.parser import HTMLParser

import pytest
import sample_records as samples

from agenthands.models import Acceptance, StageTime
from agenthands.report import render_report

EVIL = "</pre></code></details><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7 * 7 }}"
FILES = {
    "tools/convert_currency/nat_tools/convert_currency.py": "def convert():\n    return '<b>'\n",
    "tools/convert_currency/tests/test_convert_currency.py": "def test_it():\n    assert 1 < 2\n",
    "register.py": "never shown",
}
VOID = {"meta", "br", "img", "input", "hr", "link"}


class Page(HTMLParser):
    """Collects tags, attributes, text, and whether all tags are closed in order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.open, self.wrong = [], [], [], []
        self.parts = []
        self.feed(html)
        self.close()
        self.text = " ".join(" ".join(self.parts).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if "style" not in self.open:
            self.parts.append(data)


BUILDS = {
    "accepted": samples.record,
    "gate": samples.rejected_by_gate,
    "cases": samples.rejected_by_cases,
    "failed": samples.failed,
}


@pytest.mark.parametrize("kind", BUILDS)
def test_the_page_is_well_formed_and_loads_nothing(kind):
    html = render_report(BUILDS[kind](), FILES)
    page = Page(html)
    assert html.lstrip().startswith("<!doctype html>")
    assert (page.open, page.wrong) == ([], [])
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(page.tags)
    assert not [
        name for name, _ in page.attributes if name in ("src", "href", "srcset", "action") or name.startswith("on")
    ]
    assert not re.search(r"https?://|//[a-z]|url\(|@import", html)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html


def test_an_accepted_build_has_every_part():
    html = render_report(samples.record(), FILES)
    assert f"<code>agenthands fetch {samples.BUILD_ID} DIR</code>" in html
    text = Page(html).text
    for part in (
        "The agent works: 2 tools passed the gate, and it passed 2 test cases.",
        samples.BUILD_ID,
        samples.REQUEST,
        "Converts amounts between currencies at given rates",
        "tool_calling_agent The tools have typed arguments",
        "Rates are given in the question",
        "current_datetime Says what day it is.",
        "environment 12 s",
        "convert_currency accepted 2 attempts, $0.059, 53,320 tokens, 1m 36s",
        "10 of 10 checks, 94% of lines covered by the tests",
        "✓ held_out held_out is fine.",
        "Code 2 lines def convert(): return '<b>'",
        "Tests 2 lines def test_it(): assert 1 < 2",
        "time Knows time zones. mcp-server-time 2.1.4 , uses convert_time",
        "How much is 10 USD in EUR at 0.9?",
        "Expected: Calls convert_currency and says 9.",
        "Answer It is 9.00 EUR.",
        "✓ tool_called convert_currency",
        f"agenthands fetch {samples.BUILD_ID} DIR cd DIR cat README.md",
        "Coder model anthropic/claude-sonnet-4-5",
        "nvidia-nat 1.3.1",
        "b" * 64,
        "bundle.tar.gz",
    ):
        assert part in text, part
    assert "never shown" not in text
    assert text.index("The agent works") < text.index(samples.REQUEST) < text.index("environment 12 s")


def test_the_longest_stage_has_the_longest_bar():
    html = render_report(samples.record(), {})
    widths = [float(width) for width in re.findall(r'style="width: ([\d.]+)%"', html)]
    assert len(widths) == 7
    assert max(widths) == widths[3] == 100.0
    tiny = samples.record(stages=[*samples.record().stages, StageTime(name="tiny", seconds=0.0)])
    assert 'style="width: 0.6%"' in render_report(tiny, {})


def test_a_rejected_tool_shows_the_gate_s_findings_and_what_to_do():
    text = Page(render_report(samples.rejected_by_gate(), FILES)).text
    assert "The agent did not pass: the gate rejected convert_currency." in text
    assert "Look at what the gate says about convert_currency" in text
    assert "state its examples more exactly in the request" in text
    assert f"✗ held_out 1 of 3 hidden examples failed. {samples.HELD_OUT}" in text
    assert "Faults that the tests did not notice 1" in text
    assert "+ return amount + rate" in text
    assert "reused, 1 attempt, $0.00" in text
    assert "Run the agent" not in text


def test_a_rejected_agent_shows_its_wrong_answers_and_what_to_do():
    text = Page(render_report(samples.rejected_by_cases(), FILES)).text
    assert "Look at the answers to date" in text
    assert "date failed" in text
    assert "Answer The third of May." in text
    assert "✗ regex 2026-05-02" in text
    assert f"Try the agent as it is all the same: agenthands fetch {samples.BUILD_ID} DIR" in text


def test_a_failed_build_says_why_and_what_to_do():
    text = Page(render_report(samples.failed(), {})).text
    assert "The build could not be finished: The planner's answers stayed unusable." in text
    assert "agenthands doctor" in text
    assert "Cost unknown" in text
    for part in ("Acceptance", "MCP servers", "Run the agent"):
        assert part not in text


def test_whatever_a_model_or_a_user_wrote_stays_text():
    plan = samples.plan()
    spec = plan.custom_tools[0].model_copy(update={"description": EVIL})
    scaffold = plan.scaffold.model_copy(update={"type": EVIL, "reasoning": EVIL})
    case = plan.test_cases[0].model_copy(update={"query": EVIL, "expected_behavior": EVIL})
    plan = plan.model_copy(
        update={"summary": EVIL, "reasoning": EVIL, "scaffold": scaffold, "custom_tools": [spec], "test_cases": [case]}
    )
    gate = samples.gate("convert_currency", wrong=("held_out",))
    gate = gate.model_copy(
        update={
            "checks": [check.model_copy(update={"detail": EVIL}) for check in gate.checks],
            "survivors": [{"line": EVIL, "diff": EVIL}],
        }
    )
    result = samples.case("simple", passed=False, answer=EVIL, error=EVIL)
    result = result.model_copy(
        update={
            "tools_called": [EVIL],
            "checks": [result.checks[0].model_copy(update={"value": value}) for value in (EVIL, {EVIL: [EVIL]})],
        }
    )
    build = samples.record(
        status="rejected",
        reason=EVIL,
        plan=plan,
        request=samples.record().request.model_copy(update={"request": EVIL}),
        tools=[samples.tool("convert_currency", gate=gate, reason=EVIL, status="rejected")],
        acceptance=Acceptance(passed=False, reason=EVIL, cases=[result]),
        models={EVIL: EVIL},
        versions={EVIL: EVIL},
        files={EVIL: EVIL},
    )
    page = Page(render_report(build, dict.fromkeys(FILES, EVIL)))
    assert not {"script", "img"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert (page.open, page.wrong) == ([], [])
    assert page.text.count("<script>alert(1)</script>") > 20
    assert "{{ 7 * 7 }}" in page.text
