import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.ascii_chart import AsciiChartConfig, bar, chart


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", AsciiChartConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("share", "width", "drawn"),
    [
        (0, 4, ""),
        (1, 4, "████"),
        (0.5, 4, "██"),
        (0.5, 1, "▌"),
        (0.25, 1, "▎"),
        (0.375, 1, "▍"),
        (0.125, 1, "▏"),
        (0.875, 1, "▉"),
        (0.75, 1, "▊"),
        (0.625, 1, "▋"),
        (0.05, 1, ""),
        (0.3, 5, "█▌"),
    ],
)
def test_bars(share, width, drawn):
    assert bar(share, width) == drawn


def test_the_longest_comes_first():
    assert chart({"a": 1, "bb": 2, "c": 0}, 2) == ["bb ██ 2", " a █ 1", " c  0"]


def test_equal_bars_keep_their_order():
    assert chart({"b": 1, "a": 1}, 1) == ["b █ 1", "a █ 1"]


def test_forty_unless_asked_for_others():
    assert chart({"a": 0.5}) == ["a " + "█" * 40 + " 0.5"]


def test_all_zero():
    assert chart({"a": 0}, 3) == ["a  0"]


def test_negative():
    with pytest.raises(ValueError, match="cannot be negative"):
        chart({"a": 1, "b": -0.1}, 3)


def test_through_nat():
    assert call(values={"a": 1}, width=1) == ["a █ 1"]
    assert call(values={"a": 1}) == ["a " + "█" * 40 + " 1"]
    assert call(values={"a": 1}, width=200) == ["a " + "█" * 200 + " 1"]
    for wrong in ({"values": {}}, {"width": 0}, {"width": 201}):
        with pytest.raises(ValueError):
            call(**{"values": {"a": 1}, **wrong})
