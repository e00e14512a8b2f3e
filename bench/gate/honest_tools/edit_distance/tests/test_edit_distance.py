import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.edit_distance import EditDistanceConfig, distance, nearest


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", EditDistanceConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("", "", 0),
        ("a", "", 1),
        ("", "abc", 3),
        ("abc", "abc", 0),
        ("kitten", "sitting", 3),
        ("flaw", "lawn", 2),
        ("ab", "ba", 2),
        ("abc", "axc", 1),
        ("saturday", "sunday", 3),
    ],
)
def test_distance(one, other, edits):
    assert distance(one, other) == edits
    assert distance(other, one) == edits


def test_nearest_first_then_by_alphabet():
    assert list(nearest("helo", {"help", "hello", "held", "halo", "world", "helo"}).items()) == [
        ("helo", 0),
        ("halo", 1),
        ("held", 1),
        ("hello", 1),
        ("help", 1),
    ]


def test_two_edits_unless_asked_for_others():
    assert nearest("abcd", {"abxy", "axyz"}) == {"abxy": 2}
    assert nearest("abcd", {"abxy", "abcd"}, 0) == {"abcd": 0}


def test_case_does_not_count():
    assert nearest("HELLO", {"hello"}) == {"hello": 0}
    assert nearest("hello", {"HELLO"}) == {"HELLO": 0}


def test_through_nat():
    assert call(word="a", known=["a", "b"], most=1) == {"a": 0, "b": 1}
    assert call(word="abc", known=["xyc", "xyz"]) == {"xyc": 2}
    assert call(word="abc", known=["abc"], most=0) == {"abc": 0}
    for wrong in ({"word": ""}, {"most": -1}):
        with pytest.raises(ValueError):
            call(**{"word": "a", "known": [], **wrong})
