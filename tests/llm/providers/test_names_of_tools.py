"""Names of MCP tools that NAT or a provider would refuse never reach a plan: such a tool has another name there."""

import pytest
from tests_support import PLAN, registry

from agenthands.mcp.catalogue import server_of
from agenthands.planning.validation import PlanningContext, validate_plan
from agenthands.schemas import Plan

AGENT = {"tool_calling_agent": {"llm_name": ("llm", True), "tool_names": ("functions_and_groups", False)}}
LONG = "synchronise_all_customer_records_between_two_regions"


def entry(server, tool):
    ours = {"categories": ["x"], "command": "x", "network": "none", "tools": [{"name": tool, "does": "reads"}]}
    package = {"registryType": "pypi", "identifier": "x", "version": "1.0.0", "transport": {"type": "stdio"}}
    about = {"title": "T", "description": "D", "version": "1.0.0", "packages": [package]}
    return server_of(server, {**about, "_meta": {"io.agenthands/catalogue": ours}})


@pytest.mark.parametrize(
    ("server", "tool", "usable"),
    [("crm", "list-users", True), ("crm", "admin.users.list", False), ("files", "files/read", False),
     ("enterprise-database-management", LONG, False), ("db", LONG, True)],
)  # fmt: skip
def test_a_tool_whose_name_no_model_can_call_is_planned_under_another(server, tool, usable):
    (known,) = entry(server, tool).tools
    assert (known.name == tool) is usable
    for name, fits in ((known.name, True), (tool, usable)):
        servers = [{"id": server, "tools": [name], "reasoning": "?"}]
        agents = [{**PLAN["agents"][0], "tools": [f"{server}__{name}"]}]
        plan = Plan.model_validate({**PLAN, "custom_tools": [], "mcp_servers": servers, "agents": agents})
        reality = PlanningContext(registry(AGENT, ["current_datetime"]), {server: entry(server, tool)})
        assert any("has no tool" in each for each in validate_plan(plan, reality)) is not fits
