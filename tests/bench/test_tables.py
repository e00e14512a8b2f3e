"""The tables of docs/performance.md are made of what the benches found."""

import json
import sys

import pytest
from conftest_paths import ROOT

sys.path.insert(0, str(ROOT / "bench"))

from bench import all as lines
from bench import tables
from bench.speed import many_tools

MEMORY = {
    "latency": 1,
    "lines": [
        {"agents": 1, "factory_mb": 300, "sandboxes_mb": 90, "processes_mb": 200},
        {"agents": 9, "factory_mb": 340, "sandboxes_mb": 800, "processes_mb": 1800},
        {"agents": 64, "factory_mb": 600, "sandboxes_mb": 900},
    ],
    "each_further_agent": {"factory_mb": 5.0, "processes_mb": 200.0},
    "machine": {"cores": 2, "python": "3.12.1", "load": 0.1, "at": "2026-11-25 12:00"},
}


@pytest.fixture
def page(tmp_path, monkeypatch):
    results, page = tmp_path / "results.json", tmp_path / "performance.md"
    results.write_text(json.dumps({"memory": MEMORY}))
    page.write_text("before\n<!-- bench:memory -->\nold\n<!-- /bench -->\n<!-- bench:cpu -->\nkept\n<!-- /bench -->\n")
    monkeypatch.setattr(tables, "RESULTS", results)
    monkeypatch.setattr(tables, "PAGE", page)
    return page


def test_a_line_that_was_measured_replaces_its_table_and_no_other(page):
    tables.refresh()
    text = page.read_text()
    assert "old" not in text
    assert "| 9 | 340 | 800 | 1800 |" in text
    assert "| 64 | 600 | 900 |  |" in text
    assert "Each further agent: 5.0 MB in the factory, 200.0 MB as a process." in text
    assert "<!-- bench:cpu -->\nkept\n<!-- /bench -->" in text
    tables.refresh()
    assert page.read_text() == text


def test_every_line_has_its_place():
    text = (ROOT / "docs" / "performance.md").read_text()
    assert set(tables.MAKERS) == set(lines.LINES) - {"accuracy"}
    assert [name for name in tables.MAKERS if f"<!-- bench:{name} -->\n" not in text] == []


def test_what_a_tool_takes_is_the_same_on_both_pages():
    found = [line["cpu_a_tool"] for line in json.loads((ROOT / "bench" / "results.json").read_text())["seed"]["lines"]]
    said = f"takes {min(found):.0f} to {max(found):.0f} CPU seconds"
    assert said in (ROOT / "docs" / "scale.md").read_text()


def test_tools_of_a_script_are_alike_but_for_their_names_and_the_changed_one():
    plan = many_tools.plan_of(3, changed=["stock_performance_02"])
    first, second, third = plan["custom_tools"]
    assert first["purpose"] == third["purpose"] != second["purpose"]
    assert {**first, "name": ""} == {**third, "name": ""}
