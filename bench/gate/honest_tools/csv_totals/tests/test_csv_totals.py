import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.csv_totals import CsvTotalsConfig, totals


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", CsvTotalsConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


TABLE = """
who,amount,city
ann,1.10,Oslo
bob,2,Rome
 ann ,3.35,Rome
"""


@pytest.mark.parametrize(
    ("by", "sums"), [("who", {"ann": "4.45", "bob": "2"}), ("city", {"Oslo": "1.10", "Rome": "5.35"})]
)
def test_sums(by, sums):
    assert totals(TABLE, by) == sums
    assert list(totals(TABLE, by)) == sorted(sums)


def test_quotes_delimiters_and_empty_cells():
    assert totals('n;b\n"x;y";1\n"x;y";', "n", "b", ";") == {"x;y": "1"}


def test_groups_are_sorted():
    assert list(totals("k,amount\nz,1\na,1", "k")) == ["a", "z"]


def test_a_short_line_counts_nothing():
    assert totals("k,amount\nz", "k") == {"z": "0"}


@pytest.mark.parametrize(
    ("text", "by", "said"),
    [
        ("k,amount\nz,1x", "k", "line 2: '1x' is no number"),
        ("k,amount", "n", "no column 'n'"),
        ("k,a", "k", "no column 'amount'"),
        ("", "k", "no column 'k'"),
    ],
)
def test_refused(text, by, said):
    with pytest.raises(ValueError, match=said):
        totals(text, by)


def test_through_nat():
    assert call(text=TABLE, by="who") == {"ann": "4.45", "bob": "2"}
    for delimiter in ("", ",,"):
        with pytest.raises(ValueError):
            call(text=TABLE, by="who", delimiter=delimiter)
