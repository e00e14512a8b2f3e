"""Add up the lines of an invoice in XML."""

from decimal import Decimal
from xml.etree import ElementTree
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class XmlInvoiceInput(BaseModel):
    xml: str = Field(description="An <invoice currency=...> with <line quantity=... price=... vat=...> elements")


def cents(amount: Decimal) -> Decimal:
    """Return an amount in whole cents, half to even."""
    return amount.quantize(Decimal("0.01"))


def total(xml: str) -> dict[str, str]:
    """Return net, VAT by rate, and gross; raises ValueError where the XML is broken or has no line."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise ValueError(f"no XML: {error}") from error
    lines = root.findall(".//line")
    if root.tag != "invoice" or not lines:
        raise ValueError("an invoice has at least one line")
    net: dict[str, Decimal] = {}
    for line in lines:
        rate = line.get("vat", "0")
        net[rate] = net.get(rate, Decimal()) + Decimal(line.get("quantity", "1")) * Decimal(line.attrib["price"])
    vat = sum((cents(amount * Decimal(rate) / 100) for rate, amount in net.items()), Decimal())
    amount = cents(sum(net.values(), Decimal()))
    currency = root.get("currency", "EUR")
    return {"net": f"{amount} {currency}", "vat": f"{cents(vat)} {currency}", "gross": f"{amount + vat} {currency}"}


class XmlInvoiceConfig(FunctionBaseConfig, name="xml_invoice"):
    """Configuration of the tool xml_invoice; it needs none."""


@register_function(config_type=XmlInvoiceConfig)
async def register_xml_invoice(config: XmlInvoiceConfig, builder: Builder):
    """Register xml_invoice with NAT."""

    async def _run(data: XmlInvoiceInput) -> dict[str, str]:
        return total(data.xml)

    yield FunctionInfo.from_fn(_run, description="Add up the lines of an invoice in XML.")
