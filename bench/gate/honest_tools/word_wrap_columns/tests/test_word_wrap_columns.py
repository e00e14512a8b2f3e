import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.word_wrap_columns import WordWrapColumnsConfig, columns


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", WordWrapColumnsConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def test_two_columns():
    assert columns(["one two three", "four five"], 8) == ["one two   four", "three     five"]


def test_shorter_texts_leave_space():
    assert columns(["a", "bbbbb ccccc"], 5, 1) == ["a     bbbbb", "      ccccc"]


def test_long_words_are_broken():
    assert columns(["abcdefgh"], 5) == ["abcde", "fgh"]


def test_nothing_follows_the_last_column():
    assert columns(["a", ""], 5) == ["a"]
    assert columns([""], 5) == []


def test_usual_width_and_gap():
    assert columns(["a", "b"]) == ["a" + " " * 21 + "b"]


@pytest.mark.parametrize("wrong", [{"texts": []}, {"texts": ["x"] * 5}, {"width": 4}, {"width": 81}, {"gap": 0}])
def test_bounds(wrong):
    with pytest.raises(ValueError):
        call(**{"texts": ["x"], **wrong})


def test_through_nat():
    assert call(texts=["a", "b", "c", "d"], width=5, gap=1) == ["a     b     c     d"]
    assert call(texts=["a", "b"]) == ["a" + " " * 21 + "b"]
    assert call(texts=["x y"], width=80) == ["x y"]
