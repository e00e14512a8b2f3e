"""How the pages look and behave: colours by the style sheet, and all the rest in headless Chromium."""

import re
from pathlib import Path

import pytest
import sample_records as samples
from browser_support import browser

import agenthands
from agenthands.reports.html import render_batch, render_failed_report, render_report
from agenthands.schemas import BatchReport
from agenthands.store.batches import item_of

CSS = (Path(agenthands.__file__).parent / "reports/templates/report.css").read_text()
TEXT = {  # what is written in a colour, and on which grounds it stands
    "ink": ("page", "card", "inset", "good-tint", "bad-tint", "warn-tint"),
    "soft": ("page", "card", "inset"),
    "link": ("page", "card", "good-tint", "bad-tint", "warn-tint"),
    "good": ("card", "inset", "good-tint"),
    "bad": ("card", "inset", "bad-tint"),
    "warn": ("card", "inset", "warn-tint"),
    **dict.fromkeys(("word", "string", "number", "comment", "name"), ("inset",)),
}
SHAPES = ("stage", "coding", "checking", "sent", "cached", "made", "agent", "tool", "server", "builtin", "edge")


def colours(scheme):
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
    return found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", dark)) if scheme == "dark" else found


def contrast(one, other):
    """The contrast of WCAG 2 between two colours."""

    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_and_every_shape_be_seen(scheme):
    known = colours(scheme)
    texts = {(text, on): contrast(known[text], known[on]) for text, grounds in TEXT.items() for on in grounds}
    shapes = {(shape, "card"): contrast(known[shape], known["card"]) for shape in SHAPES}
    assert {pair: round(value, 2) for pair, value in texts.items() if value < 4.5} == {}
    assert {pair: round(value, 2) for pair, value in shapes.items() if value < 3} == {}
    assert contrast("#000000", "#ffffff") == 21


def test_dark_has_every_colour_of_light():
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    names = re.compile(r"--([\w-]+): #")
    assert names.findall(light) == names.findall(dark)
    used = set(re.findall(r"var\(--([\w-]+)\)", CSS))
    assert used - set(names.findall(light)) == {"mono", "tone", "tint", "tick"}


def batch_page():
    items = [item_of(build()) for build in (samples.whole, samples.rejected_by_gate, samples.failed)]
    long = items[1].model_copy(update={"agent": "a" * 48, "reason": "because-" * 60})
    return render_batch(
        BatchReport(batch_id="b", source="s.yaml", started_at="2026-04-12T09:30:12Z", seconds=99, builds=[*items, long])
    )


def report_page(record):
    wide = "x = " + " + ".join(["a_rather_long_name"] * 40)
    code = {f"tools/{tool}/nat_tools/{tool}.py": f"{wide}\n" * 30 for tool in ("convert_currency", "parse_date")}
    return render_report(record, {**samples.files(), **code})


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    long = samples.rejected_by_gate()
    gate = long.tools[0].gate
    checks = [each.model_copy(update={"detail": "a line\n" * 100}) for each in gate.checks]
    tool = long.tools[0].model_copy(update={"gate": gate.model_copy(update={"checks": checks})})
    long = long.model_copy(update={"tools": [tool], "reason": "unbroken" * 60, "versions": {"a": "1" * 300}})
    texts = {
        "accepted": report_page(samples.whole()),
        "rejected": report_page(long),
        "failed": report_page(samples.failed()),
        "batch": batch_page(),
        "bug": render_failed_report(samples.whole(), f"Traceback:\n{'  a_name + ' * 40}\nKeyError: 'plan'"),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text)
    return {name: folder / f"{name}.html" for name in texts}


@pytest.fixture(scope="module")
def tab():
    with browser() as opened:
        yield opened


FOCUS = """(() => {
    const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at)
    return [at.tagName, at.textContent.trim().slice(0, 40), box.top >= 0 && box.height > 0,
            style.outlineStyle !== 'none' || at.namespaceURI.endsWith('svg')]
})()"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["accepted", "rejected", "failed", "batch", "bug"])
class TestInABrowser:
    def test_nothing_is_loaded_and_nothing_is_complained_about(self, tab, pages, name):
        tab.open(pages[name])
        assert tab.asked_for() == [pages[name].as_uri()]
        assert tab.complaints() == []

    @pytest.mark.parametrize("width", [320, 390, 1280])
    def test_nothing_stands_out_of_the_page(self, tab, pages, name, width):
        tab.open(pages[name], width)
        assert tab.page_width() <= width
        tab.unfold()
        assert tab.page_width() <= width
        tables = (
            "[...document.querySelectorAll('table, svg, dl')].filter(each => each.scrollWidth > each.clientWidth + 1)"
        )
        assert tab.value(f"{tables}.map(each => each.className)") == []

    def test_a_keyboard_reaches_everything_that_can_be_opened(self, tab, pages, name):
        tab.open(pages[name])
        folded = tab.value("document.querySelectorAll('summary').length")
        links = tab.value("[...document.querySelectorAll('a')].filter(each => each.checkVisibility()).length")
        visited = []
        for _ in range(folded + links + 200):
            tab.press("Tab", 9)
            at = tab.value(FOCUS)
            if at[0] == "BODY" or (visited and at[1] == "Skip to the content"):
                break  # once around, with or without a halt outside the page
            assert at[2:] == [True, True], at
            visited.append(at[0])
            if at[0] == "SUMMARY":
                tab.press("Enter", 13)
                tab.press("Enter", 13)
        assert visited[0] == "A"
        assert (visited.count("SUMMARY"), visited.count("A") + visited.count("a")) == (folded, links)

    def test_enter_opens_and_the_skip_link_skips(self, tab, pages, name):
        tab.open(pages[name])
        tab.press("Tab", 9)
        tab.press("Enter", 13)
        assert tab.value("document.activeElement.id") == "content"
        if tab.value("document.querySelector('details') !== null"):
            tab.value("document.querySelector('summary').focus()")
            tab.press("Enter", 13)
            assert tab.value("document.querySelector('details').open")

    def test_tables_stay_tables_for_a_screen_reader_on_a_phone(self, tab, pages, name):
        tab.open(pages[name], 390)
        roles = [node.get("role", {}).get("value") for node in tab.ask("Accessibility.getFullAXTree")["nodes"]]
        tables = tab.value("[...document.querySelectorAll('table')].filter(each => each.checkVisibility()).length")
        assert roles.count("table") == tables
        assert roles.count("columnheader") >= 2 * tables
        assert {"banner", "main", "contentinfo"} <= set(roles)

    def test_what_is_folded_is_printed_and_dark_is_not(self, tab, pages, name):
        tab.open(pages[name], scheme="dark")
        ground = "getComputedStyle(document.body).backgroundColor"
        assert tab.value(ground) == "rgb(16, 20, 25)"
        tab.ask(
            "Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}]
        )
        assert tab.value(ground) == "rgb(255, 255, 255)"
        assert tab.value("getComputedStyle(document.body).color") == "rgb(27, 36, 48)"
        hidden = "[...document.querySelectorAll('.inside')].filter(each => !each.checkVisibility())"
        assert tab.value(f"{hidden}.length") == 0
        cut_off = "[...document.querySelectorAll('pre')].filter(each => each.scrollHeight > each.clientHeight + 2)"
        assert tab.value(f"{cut_off}.length") == 0
        tab.ask("Emulation.setEmulatedMedia", media="")
