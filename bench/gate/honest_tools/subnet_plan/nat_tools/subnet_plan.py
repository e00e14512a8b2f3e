"""Divide an IP network into subnets of given sizes, the largest first."""

import ipaddress
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class SubnetPlanInput(BaseModel):
    network: str = Field(description="A network such as 10.0.0.0/24")
    hosts: dict[str, int] = Field(description="How many hosts each subnet needs, by its name")


def prefix_for(hosts: int, bits: int) -> int:
    """Return the longest prefix that has room for some hosts, network and broadcast address."""
    if hosts < 1:
        raise ValueError("a subnet needs at least one host")
    return bits - (hosts + 1).bit_length()


def plan(network: str, hosts: dict[str, int]) -> dict[str, str]:
    """Return a subnet for each name; raises ValueError where they do not fit."""
    whole = ipaddress.ip_network(network)
    free = int(whole.network_address)
    end = free + whole.num_addresses
    found = {}
    for name, count in sorted(hosts.items(), key=lambda item: (-item[1], item[0])):
        prefix = prefix_for(count, whole.max_prefixlen)
        size = 1 << whole.max_prefixlen - prefix
        if free + size > end:
            raise ValueError(f"{name} does not fit into {network}")
        found[name] = f"{ipaddress.ip_address(free)}/{prefix}"
        free += size
    return found


class SubnetPlanConfig(FunctionBaseConfig, name="subnet_plan"):
    """Configuration of the tool subnet_plan; it needs none."""


@register_function(config_type=SubnetPlanConfig)
async def register_subnet_plan(config: SubnetPlanConfig, builder: Builder):
    """Register subnet_plan with NAT."""

    async def _run(data: SubnetPlanInput) -> dict[str, str]:
        return plan(data.network, data.hosts)

    yield FunctionInfo.from_fn(_run, description="Divide an IP network into subnets of given sizes, the largest first.")
