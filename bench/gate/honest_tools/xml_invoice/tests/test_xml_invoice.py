import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.xml_invoice import XmlInvoiceConfig, total


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", XmlInvoiceConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def invoice(*lines, more=""):
    return f"<invoice{more}>{''.join(f'<line {line}/>' for line in lines)}</invoice>"


@pytest.mark.parametrize(
    ("lines", "net", "vat", "gross"),
    [
        (["price='10'"], "10.00", "0.00", "10.00"),
        (["price='10' quantity='3' vat='20'"], "30.00", "6.00", "36.00"),
        (["price='1' vat='7'", "price='1' vat='19'"], "2.00", "0.26", "2.26"),
        (["price='0.05' vat='10'", "price='0.05' vat='10'"], "0.10", "0.01", "0.11"),
        (["price='0.125'"], "0.12", "0.00", "0.12"),
        (["price='0.135'"], "0.14", "0.00", "0.14"),
    ],
)
def test_totals(lines, net, vat, gross):
    assert total(invoice(*lines)) == {"net": f"{net} EUR", "vat": f"{vat} EUR", "gross": f"{gross} EUR"}


def test_currency():
    assert total(invoice("price='1'", more=" currency='CHF'"))["net"] == "1.00 CHF"


@pytest.mark.parametrize("xml", ["", "<invoice>", "<invoice/>", "<bill><line price='1'/></bill>"])
def test_refused(xml):
    with pytest.raises(ValueError, match="no XML|at least one line"):
        total(xml)


def test_through_nat():
    assert call(xml=invoice("price='2.5' quantity='2' vat='10'"))["gross"] == "5.50 EUR"
