import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.subnet_plan import SubnetPlanConfig, plan, prefix_for


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", SubnetPlanConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(("hosts", "prefix"), [(1, 30), (2, 30), (3, 29), (6, 29), (7, 28), (254, 24), (255, 23)])
def test_prefixes(hosts, prefix):
    assert prefix_for(hosts, 32) == prefix


def test_large_subnets_come_first_and_names_decide_between_equals():
    assert plan("10.0.0.0/24", {"b": 10, "a": 10, "c": 100}) == {
        "c": "10.0.0.0/25",
        "a": "10.0.0.128/28",
        "b": "10.0.0.144/28",
    }


def test_version_6():
    assert plan("fd00::/120", {"x": 126}) == {"x": "fd00::/121"}


def test_a_network_can_be_filled_to_the_last_address():
    assert plan("10.0.0.0/30", {"x": 2}) == {"x": "10.0.0.0/30"}
    with pytest.raises(ValueError, match="y does not fit into 10.0.0.0/30"):
        plan("10.0.0.0/30", {"x": 2, "y": 1})


@pytest.mark.parametrize("network", ["10.0.0.1/24", "10.0.0/24", "x", "10.0.0.0/33"])
def test_no_network(network):
    with pytest.raises(ValueError):
        plan(network, {"x": 1})


def test_no_hosts():
    with pytest.raises(ValueError, match="at least one host"):
        prefix_for(0, 32)


def test_through_nat():
    assert call(network="10.0.0.0/24", hosts={}) == {}
    assert call(network="10.0.0.0/24", hosts={"a": 200}) == {"a": "10.0.0.0/24"}
