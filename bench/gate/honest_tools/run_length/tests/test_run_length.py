import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.run_length import RunLengthConfig, pack, unpacked


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", RunLengthConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("plain", "packed"),
    [("", ""), ("a", "a"), ("aa", "2a"), ("aaabccd", "3ab2cd"), ("abab", "abab"), ("  \n", "2 \n"), ("é" * 12, "12é")],
)
def test_both_ways(plain, packed):
    assert pack(plain) == packed
    assert "".join(unpacked(packed)) == plain


@pytest.mark.parametrize("text", ["1", "a2", "٣"])
def test_digits(text):
    with pytest.raises(ValueError, match="digits cannot be packed"):
        pack(text)


@pytest.mark.parametrize(
    ("text", "said"), [("a2", "nothing follows 2"), ("0a", "0 is no length"), ("10001a", "10001 is no length")]
)
def test_wrong_lengths(text, said):
    with pytest.raises(ValueError, match=said):
        "".join(unpacked(text))


def test_the_longest_run():
    assert "".join(unpacked("10000a1b")) == "a" * 10_000 + "b"


def test_through_nat():
    assert call(text="aab") == "2ab"
    assert call(text="2ab", unpack=True) == "aab"
