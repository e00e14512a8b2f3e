import asyncio
from datetime import time

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.work_shifts import WorkShiftsConfig, Meeting, free


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", WorkShiftsConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def at(text):
    return time.fromisoformat(text)


def meetings(*texts):
    return [Meeting(start=at(text[:5]), end=at(text[6:])) for text in texts]


@pytest.mark.parametrize(
    ("taken", "minutes", "gaps"),
    [
        ([], 480, ["09:00-17:00"]),
        ([], 481, []),
        (["10:00-11:00"], 60, ["09:00-10:00", "11:00-17:00"]),
        (["10:00-11:00"], 61, ["11:00-17:00"]),
        (["10:30-12:00", "10:00-11:00"], 1, ["09:00-10:00", "12:00-17:00"]),
        (["10:00-16:00", "11:00-12:00"], 60, ["09:00-10:00", "16:00-17:00"]),
        (["08:00-09:30", "16:45-19:00"], 15, ["09:30-16:45"]),
        (["18:00-19:00"], 30, ["09:00-17:00"]),
        (["09:00-09:07", "09:07-17:00"], 1, []),
    ],
)
def test_gaps(taken, minutes, gaps):
    assert free(meetings(*taken), minutes) == gaps


def test_another_day():
    assert free(meetings("12:00-13:05"), 15, at("11:45"), at("14:00")) == ["11:45-12:00", "13:05-14:00"]


@pytest.mark.parametrize("text", ["10:00-10:00", "11:00-10:00"])
def test_order(text):
    with pytest.raises(ValueError, match="ends after it starts"):
        meetings(text)


def test_through_nat():
    assert call(meetings=[], minutes=1) == ["09:00-17:00"]
    assert call(meetings=[{"start": "10:00", "end": "10:30"}], minutes=1, opens="10:15", closes="10:45") == [
        "10:30-10:45"
    ]
    with pytest.raises(ValueError):
        call(meetings=[], minutes=0)
