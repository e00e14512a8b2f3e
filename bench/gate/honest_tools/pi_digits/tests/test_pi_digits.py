import asyncio
from decimal import Decimal

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.pi_digits import PiDigitsConfig, is_square, root


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", PiDigitsConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("number", "digits", "expected"),
    [
        ("2", 5, "1.4142"),
        ("2", 1, "1"),
        ("3", 10, "1.732050807"),
        ("16", 5, "4"),
        ("0", 3, "0"),
        ("0.0004", 3, "0.02"),
        ("8", 3, "2.82"),
        ("2", 30, "1.41421356237309504880168872420"),
    ],
)
def test_roots(number, digits, expected):
    assert root(Decimal(number), digits) == expected


def test_twenty_digits_unless_asked_for_others():
    assert root(Decimal(2)) == "1.4142135623730950488"


def test_the_precision_of_others_stays_as_it_was():
    before = Decimal(1) / 3
    root(Decimal(2), 100)
    assert Decimal(1) / 3 == before


@pytest.mark.parametrize(
    ("number", "exact"),
    [("0", True), ("1", True), ("16", True), ("15", False), ("0.25", False), ("2", False), ("1e30", True)],
)
def test_squares(number, exact):
    assert is_square(Decimal(number)) is exact


def test_through_nat():
    assert call(number=9, digits=2) == {"root": "3", "exact": True}
    for wrong in ({"number": -1}, {"number": 1, "digits": 0}, {"number": 1, "digits": 201}):
        with pytest.raises(ValueError):
            call(**wrong)
