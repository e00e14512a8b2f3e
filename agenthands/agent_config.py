"""The NAT configuration of an agent: the Plan is ours, this YAML is one export of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agenthands.models import Plan
from agenthands.server_catalogue import CatalogueServer, ServerVariable

LLM_NAME = "llm"
INNER_AGENT = "inner_agent"


@dataclass(frozen=True)
class PlannedServer:
    """A server of the catalogue with what the plan uses of it, and the locks of its environment."""

    entry: CatalogueServer
    tools: Sequence[str]
    reasoning: str
    lock: str
    npm_lock: str = ""


def nat_config(
    plan: Plan, scaffold_fields: Mapping[str, bool], servers: Sequence[PlannedServer], agent_model: str
) -> dict[str, Any]:
    """Give NAT's workflow configuration as a mapping.

    `scaffold_fields` are the fields of the scaffold's configuration class, as `NatRegistry.scaffolds` has them.
    The model is reached through litellm, so `AGENT_MODEL` and the provider's usual variables choose and unlock it;
    no secret stands in the file.
    """
    functions: dict[str, dict[str, Any]] = {tool.type: {"_type": tool.type} for tool in plan.builtin_tools}
    functions |= {tool.name: {"_type": tool.name} for tool in plan.custom_tools}
    groups = {server.entry.id: _group(server) for server in servers}
    tools = [*functions, *groups]
    workflow: dict[str, Any] = {"_type": plan.scaffold.type}
    if "llm_name" in scaffold_fields:
        workflow["llm_name"] = LLM_NAME
    for field in ("tool_names", "tool_list", "branches"):
        if field in scaffold_fields:
            workflow[field] = tools
            break
    else:
        functions[INNER_AGENT] = {"_type": "tool_calling_agent", "llm_name": LLM_NAME, "tool_names": tools,
                                  "description": plan.summary}  # fmt: skip
        workflow["augmented_fn"] = INNER_AGENT
    config: dict[str, Any] = {
        "llms": {
            LLM_NAME: {
                "_type": "litellm",
                "model_name": f"${{AGENT_MODEL:-{agent_model}}}",
                "temperature": 0.0,
            }
        },
        "functions": functions,
    }
    if groups:
        config["function_groups"] = groups
    return {**config, "workflow": workflow}


def _group(server: PlannedServer) -> dict[str, Any]:
    entry = server.entry
    values = {each.name: _reference(each) for each in entry.variables}
    start: dict[str, Any] = {
        "transport": "stdio",
        "command": f"${{AGENT_MCP_HOME:-mcp}}/{entry.id}/bin/{entry.command[0]}",
        "args": entry.arguments(values),
    }
    if entry.environment:
        start["env"] = {each.name: values[each.name] for each in entry.environment}
    return {"_type": "mcp_client", "server": start, "include": list(server.tools)}


def _reference(variable: ServerVariable) -> str:
    """Refer to a variable of the user; NAT refuses to start where a required one is missing or empty."""
    if variable.required:
        return f"${{{variable.name}:?must be set, see .env.example}}"
    return f"${{{variable.name}:-{variable.placeholder}}}"
