import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.password_rules import PasswordRulesConfig, bits, broken


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", PasswordRulesConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


GOOD = "Tr7bqWmz2x"


def test_a_good_one():
    assert broken(GOOD) == []


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        (GOOD[:-1], "at least 10 characters"),
        (GOOD.upper(), "a small letter"),
        (GOOD.lower(), "a capital letter"),
        ("Trxbqwmzyx", "a digit"),
        (GOOD + "aaa", "no character three times in a row"),
    ],
)
def test_each_rule(password, rule):
    assert broken(password) == [rule]


def test_the_name_of_the_user():
    assert broken(GOOD + "Ann", "aNN") == ["not the name of the user"]
    assert broken(GOOD, "bob") == []
    assert broken(GOOD + "aa") == []


@pytest.mark.parametrize(
    ("password", "expected"),
    [("", 0), ("é", 0), ("a", 4), ("A", 4), ("1111", 13), ("!", 5), ("aA1!", 26), ("abcdefghij", 47), ("1a", 10)],
)
def test_bits(password, expected):
    assert bits(password) == expected


def test_through_nat():
    assert call(password="1111") == {
        "broken": ["at least 10 characters", "a small letter", "a capital letter", "no character three times in a row"],
        "bits": 13,
    }
    assert call(password=GOOD, user="tr7")["broken"] == ["not the name of the user"]
