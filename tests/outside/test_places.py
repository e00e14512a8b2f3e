"""Real files and databases beside those of recorded worlds: what counts are columns and tables."""

import sqlite3
from contextlib import closing

import pytest

from agenthands.outside.places import compare_place
from agenthands.schemas import ToolSpec
from agenthands.trying import RealPlace, verdict_of

TOOL = ToolSpec.model_validate({
    "name": "sales", "description": "Sums sales up, by day.", "purpose": "Sums.",
    "parameters": {"type": "object", "properties": {}}, "returns": {"type": "number"},
    "effects": {"files": [{"name": "exports"}], "databases": [{"name": "shop"}]},
    "worlds": {
        "usual": {"files": {"exports/1.csv": "day,sales\n1,2\n", "exports/note.txt": "x"},
                  "tables": {"shop": "CREATE TABLE orders(id INTEGER, product TEXT);"}},
        "lacking": {"files": {"exports/1.csv": "day\n1\n"}},
    },
    "examples": [{"arguments": {}, "world": "usual", "expected": 1}],
})  # fmt: skip


def told(name, path):
    return [(each.code, each.place) for each in compare_place(TOOL, name, path)]


@pytest.mark.parametrize(("text", "expected"), [
    ("day,sales\n1,2\n", []),
    ("\ufeffDay;sales\r\n1;2\r\n", [("missing_field", "march.csv: day"), ("new_field", "march.csv: Day")]),
    ("day,sales,shop\n", [("new_field", "march.csv: shop")]),
    ("day,total\n", [("new_field", "march.csv: total")]),  # a world records that sales may be missing
    ("", []),
])  # fmt: skip
def test_columns_of_files(tmp_path, text, expected):
    (tmp_path / "march.csv").write_text(text)
    (tmp_path / "other.txt").write_text("nothing")
    assert told("exports", tmp_path) == expected
    assert told("exports", tmp_path / "march.csv") == expected


def test_tables_and_columns_of_a_database(tmp_path):
    path = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(path)) as shop:
        shop.execute("CREATE TABLE orders(id INTEGER, name TEXT)")
        shop.execute("CREATE TABLE customers(id INTEGER)")
    assert told("shop", path) == [
        ("missing_field", "shop.sqlite: orders.product"), ("new_field", "shop.sqlite: orders.name"),
        ("new_field", "shop.sqlite: customers"),
    ]  # fmt: skip
    path.write_bytes(b"no database" * 100)
    assert told("shop", path) == [("unreadable", "shop.sqlite")]


def test_files_decide_the_verdict_too(tmp_path):
    (tmp_path / "a.csv").write_text("when,sum\n")
    wrong = RealPlace(variable="SALES_EXPORTS", findings=compare_place(TOOL, "exports", tmp_path))
    assert verdict_of([], [wrong])[0] == "differs"
    assert verdict_of([], [RealPlace(variable="SALES_EXPORTS")])[0] == "as_recorded"
