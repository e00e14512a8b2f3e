"""NAT's configuration of a plan's agents: what drives which tools, what its model is told, and who may ask whom.

NAT composes agents as functions of each other. An agent that others ask is two functions: itself, and a function of the
package under the agent's name that takes one question and passes it on, because NAT's own schema of an agent's input
(a whole conversation) is hard to fill for a model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agenthands.environments.nat_registry import AgentTypeSchema, NatRegistry
from agenthands.schemas import Plan, PlanAgent

LLM_NAME = "llm"
SEQUENCE = "sequential_executor"
_INNER = "_inner"
_CALLS_TOOLS = "tool_calling_agent"
# What NAT's react agent does only if it is told to: show the model the tools' schemas, and ask again where it wrote
# bold words or a fence into its steps (NVIDIA/NeMo-Agent-Toolkit#1308, #262); its agents forget what is older than 15
# messages of a conversation.
_FOR_ANY_MODEL = {"use_native_tool_calling": True, "parse_agent_response_max_retries": 3, "max_history": 60}
# In the order of preference: where both are, `system_prompt` would replace the words with which ReAct works.
_ADDED = ("additional_instructions", "additional_planner_instructions", "additional_solver_instructions")
_ROUTES = (
    "{instructions}\n\nChoose the branch that fits the request best:\n{{branches}}\n\n"
    "Answer with the exact name of one branch and nothing else: [{{branch_names}}]"
)


@dataclass(frozen=True)
class AgentFunctions:
    """What becomes of a plan's agents: the entry's configuration, and the functions that it needs by name."""

    workflow: dict[str, Any]
    functions: dict[str, dict[str, Any]]


def agent_functions(plan: Plan, registry: NatRegistry, package: str) -> AgentFunctions:
    """Return NAT's configuration of the plan's agents; `package` is the import name of the agent's package."""
    functions: dict[str, dict[str, Any]] = {}
    workflow: dict[str, Any] = {}
    for agent in plan.agents:
        itself, helpers = _agent(agent, plan, registry.scaffolds[agent.type], package)
        functions |= helpers
        if agent.name == plan.entry:
            workflow = itself
            continue
        inner = inner_name(agent.name)
        functions[inner] = itself
        functions[agent.name] = {
            "_type": f"{package}_colleague",
            "agent": inner,
            "description": plain(agent.description),
        }
    return AgentFunctions(workflow, functions)


def needs_team(plan: Plan) -> bool:
    """Return whether the configuration names a function of the package's own `team.py`."""
    return len(plan.agents) > 1 or any(agent.type == SEQUENCE for agent in plan.agents)


def inner_name(agent: str) -> str:
    """Return the name of the function that is the agent itself, behind the one that passes questions to it."""
    return f"{agent}{_INNER}"


def is_inner(name: str) -> bool:
    """Whether a function is a part of an agent that is called under another name."""
    return name.endswith(_INNER)


def llm_name(role: str) -> str:
    """Return the name in NAT's configuration of the model with a role; empty is the usual one."""
    return f"{LLM_NAME}_{role}" if role else LLM_NAME


def _agent(
    agent: PlanAgent, plan: Plan, kind: AgentTypeSchema, package: str
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return an agent's own configuration, and the functions that only it needs."""
    config: dict[str, Any] = {"_type": f"{package}_sequence" if agent.type == SEQUENCE else agent.type}
    if "description" in kind.fields:
        about = plan.summary if agent.name == plan.entry else agent.description
        config["description"] = plain(about)  # of the entry, this is what clients of `nat mcp serve` read
    if llm := kind.field_of("llm"):
        config[llm] = llm_name(agent.model)
    config |= {name: value for name, value in _FOR_ANY_MODEL.items() if name in kind.fields}
    if inner := kind.field_of("function", required=True):
        name = f"{agent.name}_tools{_INNER}"
        config[inner] = name
        worker = {
            "_type": _CALLS_TOOLS,
            "llm_name": llm_name(agent.model),
            "tool_names": _tools(agent, plan),
            "description": plain(agent.description),
        }
        return config, {name: worker | ({"system_prompt": told(agent.instructions)} if agent.instructions else {})}
    if taken := kind.field_of("functions_and_groups") or kind.field_of("functions"):
        config[taken] = _tools(agent, plan)
    return config | _instructions(agent, kind), {}


def _instructions(agent: PlanAgent, kind: AgentTypeSchema) -> dict[str, str]:
    """Return the fields that carry an agent's instructions to its model; NAT reads most as templates, with braces."""
    if not agent.instructions or not kind.has_model:
        return {}
    text = told(agent.instructions)
    braced = text.replace("{", "{{").replace("}", "}}")
    if agent.type == _CALLS_TOOLS or kind.takes == "nothing":
        return {"system_prompt": text}
    if kind.takes == "agents":
        return {"system_prompt": _ROUTES.format(instructions=braced)}
    return {name: f"\n\n{braced}" for name in _ADDED if name in kind.fields}


def _tools(agent: PlanAgent, plan: Plan) -> list[str]:
    """Return what the agent's model may call, as NAT names it: a whole server stands for all planned tools of it."""
    names: list[str] = []
    servers = {server.id: server.tools for server in plan.mcp_servers}
    for name in agent.tools:
        names += [f"{name}__{tool}" for tool in servers[name]] if name in servers else [name]
    return list(dict.fromkeys(names))


def plain(words: str) -> str:
    """Return an untrusted text as one line in which NAT finds no variable, no escape and no file to read."""
    return told(" ".join(words.split())).rstrip("\\ ")


def told(text: str) -> str:
    """Return an untrusted text, its lines kept, in which NAT finds no variable, no escape and no file to read."""
    text = text.strip().replace("${", "$ {")
    return re.sub(r"^file://", "file: //", text).replace("\\", r"\\")


def models_of(agents: Sequence[PlanAgent]) -> list[str]:
    """Return the roles of the models that agents use, the usual one first."""
    return ["", *sorted({agent.model for agent in agents} - {""})]
