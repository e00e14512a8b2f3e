import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.anagram_groups import AnagramGroupsConfig, groups, letters


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", AnagramGroupsConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("word", "expected"), [("cab", "abc"), ("CaB", "abc"), ("é-e!", "ee"), ("", ""), ("42", ""), ("Straße", "aerssst")]
)
def test_letters(word, expected):
    assert letters(word) == expected


def test_groups():
    assert groups(["on", "listen", "no", "silent", "x", "enlist"]) == [["listen", "silent", "enlist"], ["on", "no"]]


def test_equals_keep_their_order():
    assert groups(["cd", "ab", "ba", "dc"]) == [["cd", "dc"], ["ab", "ba"]]


def test_each_word_once():
    assert groups(["ab", "ab"]) == []
    assert groups(["ab", "ab", "ba"]) == [["ab", "ba"]]


@pytest.mark.parametrize(("at_least", "count"), [(1, 3), (2, 2), (3, 1), (4, 0)])
def test_small_groups_are_left_out(at_least, count):
    assert len(groups(["on", "no", "x", "abc", "bca", "cab", "!"], at_least)) == count


def test_through_nat():
    assert call(words=["ab", "ba", "c"]) == [["ab", "ba"]]
    assert call(words=["c"], at_least=1) == [["c"]]
    with pytest.raises(ValueError):
        call(words=[], at_least=0)
