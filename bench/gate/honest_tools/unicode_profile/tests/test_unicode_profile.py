import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.unicode_profile import UnicodeProfileConfig, profile, width


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", UnicodeProfileConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("aé", {"letters": 2}),
        ("a1!", {"letters": 1, "digits": 1, "punctuation": 1}),
        ("€ +", {"symbols": 2, "spaces": 1}),
        ("\t", {"controls": 1}),
        ("e\u0301", {"letters": 1}),
        ("", {}),
        ("q\u0323", {"letters": 1}),
        ("ﬁ", {"letters": 1}),
    ],
)
def test_kinds(text, counts):
    assert profile(text) == counts


def test_compatibility_form():
    assert profile("ﬁ", "NFKC") == {"letters": 2}


@pytest.mark.parametrize(("text", "columns"), [("", 0), ("abc", 3), ("日本", 4), ("e\u0301", 1), ("Ａ", 2)])
def test_width(text, columns):
    assert width(text) == columns


def test_through_nat():
    assert call(text="ﬁ日") == {"kinds": {"letters": 2}, "width": 3}
    assert call(text="ﬁ", normal_form="NFKC")["kinds"] == {"letters": 2}
    with pytest.raises(ValueError):
        call(text="x", normal_form="NFD")
