import asyncio
import json

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.next_events import NextEventsConfig


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", NextEventsConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def test_all_pages_by_date(world):
    assert call(world("usual"), city="Bonn") == ["Concert", "Run", "Fair"]
    assert [json.loads(each["body"]).get("cursor") for each in world.requests()] == [None, "c2"]


def test_an_empty_page_is_not_the_end(world):
    assert call(world("usual"), city="Ulm") == ["Choir", "Race"]


def test_nothing_on(world):
    assert call(world("usual"), city="Oslo") == []


def test_half_of_the_events_are_no_answer(world):
    with pytest.raises(RuntimeError, match="events of Bonn cannot be fetched: HTTPStatusError"):
        call(world("broken"), city="Bonn")


def test_a_broken_connection(world):
    with pytest.raises(RuntimeError, match="cannot be fetched"):
        call(world("cut"), city="Bonn")
