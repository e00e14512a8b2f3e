import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.currency_amount import CurrencyAmountConfig, convert


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", CurrencyAmountConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(("amount", "rate", "result"), [(1, 1.005, 1.01), (2, 1.5, 3), (0, 5, 0), (0.1, 3, 0.3)])
def test_rounding(amount, rate, result):
    assert convert(amount, rate) == result


def test_rate_of_the_day(world):
    assert call(world("open"), amount=100, source="EUR", target="USD") == 108
    assert [each["url"] for each in world.requests()] == ["https://api.rates.example/v2/latest?base=EUR"]


def test_unknown_source(world):
    with pytest.raises(ValueError, match="no rates for 'XXX'"):
        call(world("open"), amount=1, source="XXX", target="EUR")


def test_unknown_target_says_what_there_is(world):
    with pytest.raises(ValueError, match="from EUR to ABC; there are USD, JPY, CHF"):
        call(world("open"), amount=1, source="EUR", target="ABC")


def test_an_outage(world):
    with pytest.raises(RuntimeError, match="status 503"):
        call(world("down"), amount=1, source="EUR", target="USD")


def test_no_json(world):
    with pytest.raises(RuntimeError, match="no list of rates"):
        call(world("odd"), amount=1, source="EUR", target="USD")
