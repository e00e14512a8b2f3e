import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.exchange_chain import ExchangeChainConfig, Rate, convert


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", ExchangeChainConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def rates(*texts):
    return [Rate(base=text[:3], quote=text[4:7], rate=float(text[8:])) for text in texts]


KNOWN = rates("EUR USD 1.25", "USD JPY 100", "EUR CHF 0.5", "CHF JPY 300")


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("EUR", "USD", 12.5),
        ("USD", "EUR", 8),
        ("EUR", "EUR", 10),
        ("USD", "JPY", 1000),
        ("JPY", "USD", 0.1),
        ("EUR", "JPY", 1500),
        ("USD", "CHF", 4),
    ],
)
def test_ways(source, target, expected):
    assert convert(10, source, target, KNOWN) == expected


def test_a_direct_rate_comes_first():
    assert convert(1, "EUR", "JPY", [*KNOWN, *rates("EUR JPY 7")]) == 7


def test_cents():
    assert convert(1, "AAA", "BBB", rates("AAA BBB 0.333")) == 0.33
    assert convert(0.126, "AAA", "AAA", []) == 0.13
    assert convert(1, "AAA", "CCC", rates("AAA BBB 0.5", "BBB CCC 0.333")) == 0.17


@pytest.mark.parametrize(("source", "target"), [("EUR", "XXX"), ("XXX", "EUR")])
def test_no_way(source, target):
    with pytest.raises(LookupError, match=f"no rate from {source} to {target}"):
        convert(1, source, target, KNOWN)


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"base": "eur"}, {"quote": "EURO"}, {"bid": 1}])
def test_wrong_rates(wrong):
    with pytest.raises(ValueError):
        Rate(**{"base": "EUR", "quote": "USD", "rate": 1, **wrong})


def test_through_nat():
    rate = {"base": "EUR", "quote": "USD", "rate": 1.5}
    assert call(amount=10, source="EUR", target="USD", rates=[rate]) == 15
    assert call(amount=0, source="A", target="A", rates=[]) == 0
    with pytest.raises(ValueError):
        call(amount=-1, source="A", target="A", rates=[])
