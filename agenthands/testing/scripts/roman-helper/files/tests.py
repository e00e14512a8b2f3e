import pytest

from nat_tools.roman_numeral import to_roman


@pytest.mark.parametrize(("number", "numeral"), [(1, "I"), (3999, "MMMCMXCIX"), (1994, "MCMXCIV"), (444, "CDXLIV")])
def test_values(number, numeral):
    assert to_roman(number) == numeral


@pytest.mark.parametrize("number", [0, 4000])
def test_bounds(number):
    with pytest.raises(ValueError, match="from 1 to 3999"):
        to_roman(number)
