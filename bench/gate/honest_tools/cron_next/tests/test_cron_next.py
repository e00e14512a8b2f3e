import asyncio
from datetime import datetime

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.cron_next import CronNextConfig, field, upcoming


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", CronNextConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("*", {1, 2, 3, 4}),
        ("2", {2}),
        ("1-3", {1, 2, 3}),
        ("*/2", {1, 3}),
        ("1,4", {1, 4}),
        ("2-4/2", {2, 4}),
        ("4-4", {4}),
    ],
)
def test_fields(text, numbers):
    assert field(text, 1, 4) == numbers


@pytest.mark.parametrize("text", ["x", "", "5", "0", "3-2", "*/0", "1-", "-1"])
def test_wrong_fields(text):
    with pytest.raises(ValueError):
        field(text, 1, 4)


def due(expression, after, count=1):
    return [each.isoformat(" ", "minutes") for each in upcoming(expression, datetime.fromisoformat(after), count)]


def test_weekdays():
    assert due("0 9 * * 1-5", "2024-03-01 09:00", 2) == ["2024-03-04 09:00", "2024-03-05 09:00"]
    assert due("0 9 * * 0", "2024-03-01 09:00") == ["2024-03-03 09:00"]


def test_the_minute_itself_is_over_and_seconds_do_not_count():
    assert due("30 * * * *", "2024-03-01 10:30") == ["2024-03-01 11:30"]
    assert due("30 * * * *", "2024-03-01 10:29:59") == ["2024-03-01 10:30"]
    assert due("* * * * *", "2024-03-01 10:29:59.5", 2) == ["2024-03-01 10:30", "2024-03-01 10:31"]


def test_days_and_months():
    assert due("15 6 29 2 *", "2024-02-01 00:00") == ["2024-02-29 06:15"]
    assert due("0 0 1 7 *", "2024-03-01 12:34") == ["2024-07-01 00:00"]
    assert due("0 0 29 2 *", "2024-03-01 00:00") == []


def test_the_search_ends_after_a_year():
    assert due("0 0 1 3 *", "2024-03-01 00:00") == ["2025-03-01 00:00"]
    assert due("0 1 2 3 *", "2024-03-02 01:00") == ["2025-03-02 01:00"]


def test_five_fields():
    with pytest.raises(ValueError, match="five fields"):
        due("* * * *", "2024-03-01 00:00")


def test_through_nat():
    assert call(expression="*/15 * * * *", after="2024-01-01T00:01:30") == ["2024-01-01T00:15:00"]
