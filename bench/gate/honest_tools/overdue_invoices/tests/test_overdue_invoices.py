import asyncio
from datetime import date

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.overdue_invoices import OverdueInvoicesConfig, overdue


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", OverdueInvoicesConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def test_the_oldest_first(world):
    assert call(world("march"), grace_days=0) == ["A1", "A3"]


def test_another_day(world):
    assert call(world("april"), grace_days=0) == ["A4", "A5"]


def test_grace(world):
    assert call(world("march"), grace_days=7) == ["A1"]


@pytest.mark.parametrize(("day", "found"), [(1, []), (2, ["A"]), (3, ["A"])])
def test_the_due_date_is_in_time(day, found):
    assert overdue([(date(2027, 5, 1), "A")], date(2027, 5, day), 0) == found


def test_no_date(world):
    with pytest.raises(ValueError, match="Invoice A4: '1 March' is no date"):
        call(world("odd"), grace_days=0)
