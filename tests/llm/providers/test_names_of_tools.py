"""Names of MCP tools that NAT or a provider would refuse are refused in the plan, before any tool is paid for."""

import pytest
from tests_support import PLAN, registry

from agenthands.mcp.catalogue import server_of
from agenthands.planning.validation import PlanningContext, validate_plan
from agenthands.schemas import Plan

AGENT = {"tool_calling_agent": {"llm_name": ("llm", True), "tool_names": ("functions_and_groups", False)}}
LONG = "synchronise_all_customer_records_between_two_regions"


def entry(server, tool):
    ours = {"categories": ["x"], "command": "x", "network": "none", "tools": [{"name": tool, "description": "d"}]}
    package = {"registryType": "pypi", "identifier": "x", "version": "1.0.0", "transport": {"type": "stdio"}}
    about = {"title": "T", "description": "D", "version": "1.0.0", "packages": [package]}
    return server_of(server, {**about, "_meta": {"io.agenthands/catalogue": ours}})


@pytest.mark.parametrize(
    ("server", "tool", "usable"),
    [("crm", "list-users", True), ("crm", "admin.users.list", False), ("files", "files/read", False),
     ("enterprise-database-management", LONG, False), ("db", LONG, True)],
)  # fmt: skip
def test_a_name_that_no_model_can_call(server, tool, usable):
    servers = [{"id": server, "tools": [tool], "reasoning": "?"}]
    plan = Plan.model_validate({**PLAN, "mcp_servers": servers})
    reality = PlanningContext(registry(AGENT, ["current_datetime"]), {server: entry(server, tool)})
    assert [each for each in validate_plan(plan, reality) if "providers take" in each] == (
        []
        if usable
        else [
            f"mcp_servers: {tool!r} of {server} cannot be used: a model would have to call it {server}__{tool}, "
            "and providers take 64 letters, digits, _ and - at most."
        ]
    )
