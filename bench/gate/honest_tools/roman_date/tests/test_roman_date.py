import asyncio
from datetime import date

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.roman_date import RomanDateConfig, roman, roman_date


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", RomanDateConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("number", "numeral"),
    [
        (1, "I"),
        (4, "IV"),
        (5, "V"),
        (9, "IX"),
        (14, "XIV"),
        (40, "XL"),
        (50, "L"),
        (90, "XC"),
        (400, "CD"),
        (500, "D"),
        (900, "CM"),
        (1994, "MCMXCIV"),
        (3888, "MMMDCCCLXXXVIII"),
        (110, "CX"),
    ],
)
def test_numerals(number, numeral):
    assert roman(number) == numeral


def test_dates():
    assert roman_date(date(2024, 2, 29)) == "XXIX.II.MMXXIV"
    assert roman_date(date(1999, 12, 31), "-") == "XXXI-XII-MCMXCIX"


def test_the_last_year():
    assert roman_date(date(3999, 1, 1)).endswith("MMMCMXCIX")
    with pytest.raises(ValueError, match="3999"):
        roman_date(date(4000, 1, 1))


def test_through_nat():
    assert call(day="1900-10-05") == "V.X.MCM"
    assert call(day="1900-10-05", separator=" ") == "V X MCM"
    with pytest.raises(ValueError):
        call(day="1900-10-05", separator="/")
