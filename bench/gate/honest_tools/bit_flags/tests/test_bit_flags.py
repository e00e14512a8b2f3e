import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.bit_flags import BitFlagsConfig, octal, symbolic, translate


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", BitFlagsConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("bits", "letters"),
    [
        (0o777, "rwxrwxrwx"),
        (0o000, "---------"),
        (0o421, "r---w---x"),
        (0o124, "--x-w-r--"),
        (0o640, "rw-r-----"),
        (0o356, "-wxr-xrw-"),
    ],
)
def test_both_ways(bits, letters):
    assert symbolic(bits) == letters
    assert octal(letters) == bits
    assert translate(letters) == {"octal": f"{bits:03o}", "symbolic": letters}
    assert translate(f"{bits:03o}") == translate(letters)


def test_leading_zero():
    assert translate("0644") == {"octal": "644", "symbolic": "rw-r--r--"}


@pytest.mark.parametrize("mode", ["", "77", "888", "77777", "rwx", "rwxrwxrwxr"])
def test_refused(mode):
    with pytest.raises(ValueError):
        translate(mode)


def test_refused_with_reason():
    with pytest.raises(ValueError, match="'w' where 'r' or '-' must be"):
        octal("wrx------")
    with pytest.raises(ValueError, match="nine permission bits"):
        translate("1000")


def test_through_nat():
    assert call(mode="007") == {"octal": "007", "symbolic": "------rwx"}
