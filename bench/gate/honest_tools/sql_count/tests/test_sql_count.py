import asyncio
import sqlite3

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.sql_count import SqlCountConfig, Where, query, quoted


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", SqlCountConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def test_without_conditions():
    assert query("orders", "city", []) == {
        "sql": 'SELECT "city", COUNT(*) FROM "orders" GROUP BY "city"',
        "parameters": [],
    }


def test_the_query_counts():
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE sales (city, total)")
    database.executemany("INSERT INTO sales VALUES (?, ?)", [("Oslo", 5), ("Oslo", 50), ("Rome", 20), ("Rome", 30)])
    made = query("sales", "city", [Where(column="total", op=">", value=15), Where(column="total", op="<=", value=30)])
    assert made["sql"].endswith('WHERE "total" > ? AND "total" <= ? GROUP BY "city"')
    assert made["parameters"] == [15, 30]
    assert database.execute(made["sql"], made["parameters"]).fetchall() == [("Rome", 2)]


@pytest.mark.parametrize("name", ["", "a b", 'a"', "1a", "a;", "ä"])
def test_no_names(name):
    with pytest.raises(ValueError, match="is no name"):
        quoted(name)


@pytest.mark.parametrize("name", ["a", "_x1", "UPPER"])
def test_names(name):
    assert quoted(name) == f'"{name}"'


def test_every_name_is_looked_at():
    for made in (("t t", "a", []), ("t", "a a", []), ("t", "a", [Where(column="b b", value=1)])):
        with pytest.raises(ValueError, match="is no name"):
            query(*made)


def test_through_nat():
    found = call(table="t", by="a", where=[{"column": "b", "value": "x"}])
    assert found == {"sql": 'SELECT "a", COUNT(*) FROM "t" WHERE "b" = ? GROUP BY "a"', "parameters": ["x"]}
    assert call(table="t", by="a")["parameters"] == []
