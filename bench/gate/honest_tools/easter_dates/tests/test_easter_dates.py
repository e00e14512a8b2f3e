import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.easter_dates import EasterDatesConfig, easter, feasts


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", EasterDatesConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    "day",
    [
        "1583-04-10",
        "1818-03-22",
        "1943-04-25",
        "1954-04-18",
        "1961-04-02",
        "1981-04-19",
        "2000-04-23",
        "2008-03-23",
        "2019-04-21",
        "2024-03-31",
        "2025-04-20",
        "2038-04-25",
        "2049-04-18",
        "2076-04-19",
        "2100-03-28",
        "2285-03-22",
        "4099-04-19",
    ],
)
def test_easter(day):
    assert str(easter(int(day[:4]))) == day


def test_easter_is_a_sunday_in_time():
    for year in range(1583, 4100, 7):
        found = easter(year)
        assert found.weekday() == 6
        assert (3, 22) <= (found.month, found.day) <= (4, 25)


def test_a_checksum_of_all_years():
    assert sum(easter(year).timetuple().tm_yday * (year % 101) for year in range(1583, 4100)) == 12429691


def test_feasts():
    assert feasts(2024, ["good_friday", "ascension", "pentecost"]) == {
        "good_friday": "2024-03-29",
        "ascension": "2024-05-09",
        "pentecost": "2024-05-19",
    }


def test_through_nat():
    assert call(year=1583) == {"easter": "1583-04-10"}
    assert call(year=4099, feasts=["easter"]) == {"easter": "4099-04-19"}
    for year in (1582, 4100):
        with pytest.raises(ValueError):
            call(year=year)
