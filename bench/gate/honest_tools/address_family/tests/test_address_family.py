import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.address_family import AddressFamilyConfig, describe, packed


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", AddressFamilyConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("address", "version", "data"),
    [
        ("1.2.3.4", 4, "01020304"),
        ("255.0.0.255", 4, "ff0000ff"),
        ("::1", 6, "0" * 31 + "1"),
        ("2001:db8::", 6, "20010db8" + "0" * 24),
    ],
)
def test_packed(address, version, data):
    assert packed(address) == (version, bytes.fromhex(data))


@pytest.mark.parametrize("address", ["", "1.2.3", "1.2.3.256", "::g", "example.org"])
def test_no_address(address):
    with pytest.raises(ValueError, match="is no address"):
        packed(address)


@pytest.mark.parametrize(
    ("address", "any_", "local"),
    [
        ("0.0.0.0", True, True),
        ("10.9.8.7", False, True),
        ("127.0.0.1", False, True),
        ("11.0.0.1", False, False),
        ("9.9.9.9", False, False),
        ("::", True, False),
        ("126.0.0.1", False, False),
        ("128.0.0.1", False, False),
    ],
)
def test_kinds(address, any_, local):
    found = describe(address)
    assert (found["any"], found["local"]) == (any_, local)


def test_through_nat():
    assert call(address="10.0.0.1") == {"version": 4, "hex": "0a000001", "any": False, "local": True}
