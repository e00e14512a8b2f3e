"""Tell the family of a network address and its packed form."""

import socket
from contextlib import suppress
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class AddressFamilyInput(BaseModel):
    address: str = Field(description="An IPv4 or IPv6 address")


FAMILIES = {socket.AF_INET: 4, socket.AF_INET6: 6}


def packed(address: str) -> tuple[int, bytes]:
    """Return version and bytes of an address; raises ValueError where it is none."""
    for family, version in FAMILIES.items():
        with suppress(OSError):
            return version, socket.inet_pton(family, address)
    raise ValueError(f"{address!r} is no address")


def describe(address: str) -> dict[str, str | int | bool]:
    """Return version, hexadecimal form, and whether the address stands for all interfaces."""
    version, data = packed(address)
    return {
        "version": version,
        "hex": data.hex(),
        "any": not any(data),
        "local": address == "0.0.0.0" or data[0] in (10, 127),
    }


class AddressFamilyConfig(FunctionBaseConfig, name="address_family"):
    """Configuration of the tool address_family; it needs none."""


@register_function(config_type=AddressFamilyConfig)
async def register_address_family(config: AddressFamilyConfig, builder: Builder):
    """Register address_family with NAT."""

    async def _run(data: AddressFamilyInput) -> dict[str, str | int | bool]:
        return describe(data.address)

    yield FunctionInfo.from_fn(_run, description="Tell the family of a network address and its packed form.")
