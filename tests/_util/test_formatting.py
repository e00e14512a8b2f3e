"""The words for costs, times and foreign text."""

import pytest

from agenthands._util.formatting import cells, count, cut, duration, money, one_line, pad


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        (None, "cost unknown"),
        (0, "$0.00"),
        (0.0000004, "<$0.001"),
        (0.0125, "$0.013"),
        (0.9999, "$1.00"),
        (12.345, "$12.35"),
        (1234.5, "$1,234.50"),
    ],
)
def test_money(cost, said):
    assert money(cost) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1m 00s"),
        (185, "3m 05s"),
        (7620, "2h 07m"),
    ],
)
def test_duration(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("two\nlines\tand  spaces ", "two lines and spaces"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("\x1b]52;c;never ended", ""),
        ("a\x00\x08\x7f\x9b2Jb", "ab"),
        ("\u202eright\u200bto left\u2028x", "rightto left x"),
        ("lone \ud800 half", "lone half"),
        ("é 漢字 🙂", "é 漢字 🙂"),
    ],
)
def test_foreign_text_becomes_one_harmless_line(text, said):
    assert one_line(text) == said


def test_long_foreign_text_is_shortened():
    assert one_line("x" * 10_000_000, limit=20) == "x" * 17 + "..."


def test_columns_are_counted_as_terminals_do():
    assert cells("漢字") == 4
    assert cells("e\u0301") == 1
    assert cut("漢字漢字", 6, "…") == "漢字…"
    assert cut("abcdef", 2) == "ab"
    assert cut("abc", 3) == "abc"
    assert pad("漢", 4) == "漢  "
    assert pad("a", 3, right=True) == "  a"


def test_counts():
    assert [count(1, "tool"), count(0, "tool"), count(1200, "token")] == ["1 tool", "0 tools", "1,200 tokens"]
