import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.base_convert import BaseConvertConfig, convert, to_base


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", BaseConvertConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("value", "base", "digits"),
    [
        (0, 2, "0"),
        (1, 2, "1"),
        (2, 2, "10"),
        (255, 16, "ff"),
        (35, 36, "z"),
        (36, 36, "10"),
        (-8, 8, "-10"),
        (1000, 10, "1000"),
    ],
)
def test_digits(value, base, digits):
    assert to_base(value, base) == digits


@pytest.mark.parametrize(
    ("number", "source", "target", "expected"),
    [(" FF ", 16, 10, "255"), ("-101", 2, 10, "-5"), ("z", 36, 2, "100011"), ("007", 8, 10, "7"), ("-0", 10, 2, "0")],
)
def test_convert(number, source, target, expected):
    assert convert(number, source, target) == expected


@pytest.mark.parametrize(
    ("number", "source"),
    [("", 10), ("-", 10), ("2", 2), ("a", 10), ("1_0", 10), ("--1", 10), ("+1", 10), ("1 0", 10), ("٣", 10)],
)
def test_no_number(number, source):
    with pytest.raises(ValueError, match=f"is no number in base {source}"):
        convert(number, source, 10)


def test_the_longest():
    assert convert("1" * 200, 2, 2) == "1" * 200
    with pytest.raises(ValueError):
        convert("1" * 201, 2, 2)


def test_through_nat():
    assert call(number="10", target=2) == "1010"
    assert call(number="z", source=36, target=36) == "z"
    assert call(number="1", source=2, target=2) == "1"
    for wrong in ({"source": 1}, {"source": 37}, {"target": 1}, {"target": 37}):
        with pytest.raises(ValueError):
            call(**{"number": "1", "target": 2, **wrong})
