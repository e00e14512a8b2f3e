"""`agenthands show --full` says what the report says, section by section."""

import re
from collections import defaultdict
from html.parser import HTMLParser

import pytest
import sample_records as samples
from page_support import VOID
from rich_records import everything, marked

from agenthands.reports.html import render_report
from agenthands.reports.terminal.build import show_text

# Each section of a report, and how what corresponds to it begins in the terminal.
COUNTERPARTS = {
    "request": "request ",
    "plan": "Made of",
    "rights": "What this agent may do",
    "timeline": "Timeline",
    "spending": "Cost and tokens",
    "tools": "Tools",
    "servers": "MCP servers",
    "cases": "Test cases",
    "run": "- Fetch the agent: agenthands fetch",
    "made": "Made with",
}
BUILDS = {**samples.BUILDS, "everything": everything}


class Sections(HTMLParser):
    """The words of each section that are seen.

    How many parts are folded away is for a page alone. Sums stand on the terminal's first lines, in two figures.
    """

    def __init__(self, html):
        super().__init__()
        self.words, self.hidden, self.section = defaultdict(list), [], "top"
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        if tag == "h2":
            self.section = known["id"]
        hides = tag in ("style", "summary", "caption", "svg", "nav") or "hidden" in (known.get("class") or "").split()
        if tag not in VOID and (hides or self.hidden):
            self.hidden.append(tag)

    def handle_endtag(self, tag):
        if self.hidden:
            self.hidden.pop()

    def handle_data(self, data):
        if not self.hidden:
            self.words[self.section] += data.split()


def figures(words):
    """Return the words that are numbers, with their units but without what stands around them."""
    return {word.strip("()[]{}:;,.\"'") for word in words if re.fullmatch(r"[(\[{\"'$<]*\d[\d.,]*%?[)\]}:;\"']*", word)}


@pytest.mark.parametrize("kind", BUILDS)
def test_every_section_has_its_counterpart(kind):
    record = BUILDS[kind]()
    sections = Sections(render_report(record, samples.files())).words
    lines = show_text(record, samples.files()).splitlines()
    for section in sections.keys() - {"top"}:
        rejected = (section, record.status) == ("run", "rejected")
        begins = "- To ask it yourself, fetch it as it is" if rejected else COUNTERPARTS[section]
        assert [line for line in lines if line.strip().startswith(begins)], section


@pytest.mark.parametrize("section", COUNTERPARTS)
def test_every_text_and_figure_of_a_section_is_said(section):
    record, texts = marked()
    page = Sections(render_report(record, texts)).words[section]
    shown = show_text(record, texts)
    words = set(re.findall(r"word\d+x", " ".join(page).casefold()))
    assert words - set(re.findall(r"word\d+x", shown)) == set()
    assert words or section in ("timeline", "run")
    if section != "timeline":  # its scale is drawn
        assert figures(page) - figures(shown.split()) == set()


def test_long_texts_are_said_whole():
    long = "\n".join(f"line {number} of it" for number in range(500))
    record = everything()
    gate = record.tools[0].gate
    checks = [check.model_copy(update={"detail": long if check.name == "held_out" else ""}) for check in gate.checks]
    case = record.acceptance.cases[0].model_copy(update={"answer": long})
    tool = record.tools[0].model_copy(update={"gate": gate.model_copy(update={"checks": checks})})
    acceptance = record.acceptance.model_copy(update={"cases": [case]})
    request = record.request.model_copy(update={"request": long})
    record = record.model_copy(update={"tools": [tool], "acceptance": acceptance, "request": request})
    assert show_text(record, {}).count("line 499 of it") == 3
    assert "line 499 of it" not in show_text(record)


def test_code_and_faults_keep_their_spaces():
    record = samples.whole()
    path = "tools/convert_currency/nat_tools/convert_currency.py"
    fault = {"line": 2, "kind": "number", "diff": "-    x  = 'a  b'  # c\n+    x  = 'a'"}
    gate = record.tools[0].gate.model_copy(update={"survivors": [fault]})
    tools = [record.tools[0].model_copy(update={"gate": gate})]
    shown = show_text(record.model_copy(update={"tools": tools}), {path: "def f():\n\tx  = 'a  b'  # c\n"})
    assert "\n      x  = 'a  b'  # c\n" in shown
    assert "\n      -    x  = 'a  b'  # c\n      +    x  = 'a'" in shown


@pytest.mark.parametrize(("columns", "widest"), [("80", 80), ("200", 98)])
def test_lines_fit_into_the_terminal_where_they_can_be_broken(monkeypatch, columns, widest):
    monkeypatch.setenv("COLUMNS", columns)
    many = "many words " * 40
    record = everything().model_copy(update={"reason": many})
    plan = record.plan.model_copy(update={"summary": many, "reasoning": many})
    shown = show_text(record.model_copy(update={"plan": plan, "files": {}, "turns": [], "stages": []}), samples.files())
    lengths = [len(line) for line in shown.splitlines()]
    assert widest - 12 < max(lengths) <= widest
