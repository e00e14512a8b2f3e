import asyncio
from decimal import Decimal

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.vat_split import VatSplitConfig, Line, split


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", VatSplitConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def lines(*pairs):
    return [Line(gross=Decimal(gross), rate=rate) for gross, rate in pairs]


@pytest.mark.parametrize(
    ("country", "rate", "gross", "net", "tax"),
    [
        ("DE", "standard", "119.00", "100.00", "19.00"),
        ("DE", "reduced", "107.00", "100.00", "7.00"),
        ("DE", "zero", "5.00", "5.00", "0.00"),
        ("FR", "standard", "120.00", "100.00", "20.00"),
        ("FR", "reduced", "105.50", "100.00", "5.50"),
        ("FR", "zero", "5.00", "5.00", "0.00"),
        ("DE", "standard", "0.03", "0.03", "0.00"),
        ("FR", "standard", "0.27", "0.23", "0.04"),
    ],
)
def test_rates(country, rate, gross, net, tax):
    assert split(lines((gross, rate)), country) == {rate: {"net": net, "tax": tax, "gross": gross}}


def test_tax_is_rounded_once_a_rate():
    found = split(lines(*[("0.03", "standard")] * 10, ("1.00", "reduced")), "DE")
    assert list(found) == ["reduced", "standard"]
    assert found["standard"] == {"net": "0.25", "tax": "0.05", "gross": "0.30"}


def test_through_nat():
    assert call(lines=[{"gross": 119.5}], country="DE")["standard"]["gross"] == "119.5"
    assert call(lines=[{"gross": 0}], country="DE")["standard"]["net"] == "0.00"
    for wrong in ({"lines": [{"gross": -0.01}]}, {"lines": [{"gross": 0.001}]}, {"country": "US"}):
        with pytest.raises(ValueError):
            call(**{"lines": [], "country": "DE", **wrong})
