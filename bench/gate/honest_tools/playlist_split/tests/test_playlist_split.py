import asyncio
from datetime import timedelta

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.playlist_split import PlaylistSplitConfig, Song, sides


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", PlaylistSplitConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def songs(**minutes):
    return [Song(title, timedelta(minutes=length)) for title, length in minutes.items()]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (songs(), []),
        (songs(a=22), [["a"]]),
        (songs(a=11, b=11), [["a", "b"]]),
        (songs(a=11, b=11.1), [["a"], ["b"]]),
        (songs(a=20, b=3, c=2), [["a"], ["b", "c"]]),
        (songs(a=10, b=10, c=2, d=1), [["a", "b", "c"], ["d"]]),
    ],
)
def test_sides(given, expected):
    assert sides(given) == expected


def test_another_side():
    assert sides(songs(a=3, b=2, c=1), timedelta(minutes=5)) == [["a", "b"], ["c"]]


def test_too_long():
    with pytest.raises(ValueError, match="b does not fit on a side"):
        sides(songs(a=1, b=22.5))


def test_through_nat():
    assert call(songs=[["a", "PT21M"], ["b", "PT1M"], ["c", "PT1S"]]) == [["a", "b"], ["c"]]
    assert call(songs=[["a", "PT1M"], ["b", "PT1M"]], side="PT1M") == [["a"], ["b"]]
