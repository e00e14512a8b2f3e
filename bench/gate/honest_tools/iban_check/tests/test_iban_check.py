import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.iban_check import IbanCheckConfig, parse, remainder


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", IbanCheckConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("iban", "valid"),
    [
        ("GB82WEST12345698765432", True),
        ("DE89370400440532013000", True),
        ("DE98370400440532013000", False),
        ("NL91ABNA0417164300", True),
        ("FR1420041010050500013M02606", True),
    ],
)
def test_validity(iban, valid):
    assert parse(iban).valid is valid


def test_parts_of_a_spaced_lower_case_iban():
    assert parse(" gb82 west 1234 5698 7654 32 ").model_dump() == {
        "country": "GB",
        "check_digits": "82",
        "bban": "WEST12345698765432",
        "valid": True,
    }


def test_remainder():
    assert remainder("NO9386011117947") == 1
    assert remainder("NO9386011117948") != 1


@pytest.mark.parametrize(
    ("iban", "said"),
    [
        ("XX00", "unknown country 'XX'"),
        ("DE8937", "has 22 signs"),
        ("DE-89", "letters and digits"),
        ("DE89ü", "letters and digits"),
    ],
)
def test_refused(iban, said):
    with pytest.raises(ValueError, match=said):
        parse(iban)


def test_through_nat():
    assert call(iban="NO93 8601 1117 947").country == "NO"
