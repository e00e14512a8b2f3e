"""The tables of README.md and docs/ that `make docs` makes from the code."""

import importlib.util
import re

import pytest
from conftest_paths import ROOT

from agenthands.gate.checks.registry import CHECKS
from agenthands.sandbox.registry import SANDBOXES


@pytest.fixture(scope="module")
def tables():
    specification = importlib.util.spec_from_file_location("docs_tables", ROOT / "docs" / "tables.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_every_table_is_as_the_code_has_it(tables):
    for page in tables.PAGES:
        text = (ROOT / page).read_text()
        assert tables.with_tables(text) == text, f"{page}: run `make docs`"


def test_every_table_stands_on_a_page(tables):
    text = "\n".join((ROOT / page).read_text() for page in tables.PAGES)
    assert sorted(re.findall(r"<!-- table: ([a-z ]+) -->", text)) == sorted(tables.TABLES)
    others = [path for path in (ROOT / "docs").rglob("*.md") if str(path.relative_to(ROOT)) not in tables.PAGES]
    assert not [path.name for path in others if "<!-- table:" in path.read_text()]


def test_an_old_table_is_made_anew_and_the_text_around_it_stays(tables):
    page = "# Before\n\n<!-- table: sandboxes -->\n| old |\n<!-- end of table -->\n\nAfter.\n"
    written = tables.with_tables(page)
    assert written.startswith("# Before\n\n<!-- table: sandboxes -->\n\n| `--sandbox` | needs |")
    assert written.endswith("\n\n<!-- end of table -->\n\nAfter.\n")
    assert "| old |" not in written
    assert all(f"| `{name}` |" in written for name in SANDBOXES)
    assert tables.with_tables(written) == written


def test_the_words_of_a_check_fit_into_a_table_and_a_sentence():
    for check in CHECKS:
        for words in (check.summary, check.fix, check.remedy):
            assert words.strip() == words
            assert not set("|\n") & set(words), check.name
        assert not check.summary.endswith("."), check.name
        assert check.fix.endswith("."), check.name
        assert check.remedy.endswith("."), check.name
