import asyncio
from pathlib import Path

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.monthly_sales import MonthlySalesConfig, by_month


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", MonthlySalesConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def test_all_months_in_their_order(world):
    found = call(world("usual"), product="tea")
    assert list(found.items()) == [("2027-01", 10.0), ("2027-02", 24.0)]


def test_cents(world):
    assert call(world("usual"), product="milk") == {"2027-01": 1.09, "2027-02": 2.18}


def test_nothing_sold(world):
    assert call(world("empty"), product="tea") == {"2027-01": 0}


def test_a_missing_column_is_named(world):
    with pytest.raises(ValueError, match="2027-01.csv has no column price"):
        call(world("odd"), product="tea")


def test_no_number(world):
    with pytest.raises(ValueError, match="2027-01.csv, line 2: units"):
        call(world("text"), product="tea")


def test_a_mark_at_the_beginning_of_the_file(tmp_path):
    (tmp_path / "2020-05.csv").write_text("product,units,price\nx,2,3\n", encoding="utf-8-sig")
    assert by_month(Path(tmp_path), "x") == {"2020-05": 6}
