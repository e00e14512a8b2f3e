import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder
from nat_tools.column_summary import ColumnSummaryConfig, summarise


def test_a_column():
    assert summarise([4.0, 1.0, 7.0]) == {
        "count": 3, "mean": 4.0, "median": 4.0, "minimum": 1.0, "maximum": 7.0, "deviation": 3.0,
    }


def test_mean_and_median_differ():
    result = summarise([1.0, 2.0, 9.0, 20.0])
    assert (result["mean"], result["median"]) == (8.0, 5.5)


def test_one_number_has_no_deviation():
    assert summarise([5.0])["deviation"] == 0.0
    assert summarise([5.0, 7.0])["deviation"] == pytest.approx(2**0.5)


def test_an_empty_column_is_refused():
    with pytest.raises(ValueError, match="^the column is empty$"):
        summarise([])


def test_through_nat():
    async def call():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", ColumnSummaryConfig())
            return await function.ainvoke({"values": [4, 1, 7]})

    assert asyncio.run(call())["deviation"] == 3.0
