import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.luhn_card import LuhnCardConfig, check, luhn, network


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", LuhnCardConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize("digits", ["18", "0", "4111111111111111", "79927398713", "5500000000000004", "91"])
def test_right_check_digits(digits):
    assert luhn(digits)


@pytest.mark.parametrize("digits", ["19", "1", "4111111111111112", "79927398710", "81"])
def test_wrong_check_digits(digits):
    assert not luhn(digits)


@pytest.mark.parametrize(
    ("digits", "name"),
    [
        ("4" * 13, "Visa"),
        ("4" * 16, "Visa"),
        ("4" * 19, "Visa"),
        ("4" * 14, None),
        ("34" + "0" * 13, "American Express"),
        ("37" + "0" * 13, "American Express"),
        ("35" + "0" * 13, None),
        ("37" + "0" * 14, None),
        ("51" + "0" * 14, "Mastercard"),
        ("56" + "0" * 14, None),
        ("2221" + "0" * 12, "Mastercard"),
        ("2220" + "0" * 12, None),
        ("2720" + "0" * 12, "Mastercard"),
        ("2721" + "0" * 12, None),
        ("55" + "0" * 13, None),
        ("14" + "0" * 14, None),
    ],
)
def test_networks(digits, name):
    assert network(digits) == name


@pytest.mark.parametrize("number", ["", "1" * 11, "1" * 20, "4111.1111.1111.1111", "٤" * 16])
def test_refused(number):
    with pytest.raises(ValueError, match="12 to 19 digits"):
        check(number)


def test_shortest_and_longest():
    assert check("0" * 12) == {"valid": True, "network": None, "last_four": "0000"}
    assert check("0" * 19)["valid"] is True


def test_through_nat():
    assert call(number="4111-1111 1111 1234") == {"valid": False, "network": "Visa", "last_four": "1234"}
