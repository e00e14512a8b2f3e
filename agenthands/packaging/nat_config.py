"""The plan's test cases as NAT evaluates them: a data set, and a configuration for `nat eval`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import yaml

from agenthands.environments.nat_registry import AgentTypeSchema
from agenthands.mcp.catalogue import ServerVariable
from agenthands.mcp.setup import PlannedServer
from agenthands.schemas import Plan

_CASES = "evals/cases.jsonl"
_AT_ONCE = 4
_ABOUT = r"# NAT fills in \${VARIABLES}; the backslash keeps whatever one holds a single text." + "\n"


def evaluation(plan: Plan, package: str, config: str) -> dict[str, str]:
    """Return the files below `evals/`; `config` is the place of the agent's own configuration, which they build on."""
    cases = [
        {
            "id": case.id,
            "question": case.query,
            "answer": case.expected_behavior,
            "checks": [check.model_dump(mode="json") for check in case.checks],
        }
        for case in plan.test_cases
    ]
    general = {
        "max_concurrency": _AT_ONCE,
        "output": {"dir": "evals/results"},
        "dataset": {"_type": "jsonl", "file_path": _CASES},  # NAT reads plain JSON through pandas, which guesses types
    }
    settings = {
        "base": f"../{config}",
        "eval": {"general": general, "evaluators": {"checks": {"_type": f"{package}_checks"}}},
    }
    return {
        _CASES: "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in cases),
        "evals/config.yml": as_yaml(settings),
    }


def as_yaml(values: dict[str, Any]) -> str:
    """Write a configuration as people read it: in its own order, one line a value.

    NAT fills in variables twice: in the text, then in each value that YAML found in it. The backslash leaves them to
    the second time, so that whatever a variable holds stays one text.
    """
    text = yaml.safe_dump(values, sort_keys=False, width=120, allow_unicode=True)
    escaped = text.replace("\\", r"\\").replace("${", r"\${")
    return _ABOUT + escaped if "${" in text else escaped


LLM_NAME = "llm"
INNER_AGENT = "inner_agent"
INNER_TYPE = "tool_calling_agent"


def package_name(plan: Plan) -> str:
    """Return the import name of the agent's package; `_agent` keeps it clear of other packages."""
    name = plan.name.replace("-", "_").rstrip("_")
    return name if name.endswith("_agent") else f"{name}_agent"


def nat_config(
    plan: Plan, scaffold: AgentTypeSchema, servers: Sequence[PlannedServer], agent_model: str
) -> dict[str, Any]:
    """Return NAT's workflow configuration as a mapping.

    A scaffold that takes single functions alone (router, executors) hands each the text that it was asked, which tools
    do not take: there each tool and each server is driven by an agent of its own.
    The model is reached through litellm, so `AGENT_MODEL` and the provider's usual variables choose and unlock it;
    its type is the package's own, which looks for the key. No secret stands in the file.
    """
    functions: dict[str, dict[str, Any]] = {tool.type: {"_type": tool.type} for tool in plan.builtin_tools}
    functions |= {tool.name: {"_type": tool.name} for tool in plan.custom_tools}
    groups = {server.entry.id: _group(server) for server in servers}
    tools = [*functions, *groups]
    workflow: dict[str, Any] = {"_type": plan.scaffold.type}
    if "description" in scaffold.fields:
        workflow["description"] = _text(plan.summary)  # what clients of `nat mcp serve` read
    if model := scaffold.field_of("llm"):
        workflow[model] = LLM_NAME
    if inner := scaffold.field_of("function", required=True):
        functions[INNER_AGENT] = _agent(tools, plan.summary)
        workflow[inner] = INNER_AGENT
    elif everything := scaffold.field_of("functions_and_groups"):
        workflow[everything] = tools
    elif single := scaffold.field_of("functions"):
        about = _descriptions(plan, servers)
        specialists = {f"{name.replace('-', '_')}_agent": _agent([name], about[name]) for name in _ordered(plan, tools)}
        functions |= specialists
        workflow[single] = list(specialists)
    config: dict[str, Any] = {
        "llms": {
            LLM_NAME: {
                "_type": f"{package_name(plan)}_model",
                "model_name": f"${{AGENT_MODEL:-{agent_model}}}",
                "temperature": 0.0,
            }
        },
        "functions": functions,
    }
    if groups:
        config["function_groups"] = groups
    return {**config, "workflow": workflow}


def _agent(tools: Sequence[str], description: str) -> dict[str, Any]:
    return {"_type": INNER_TYPE, "llm_name": LLM_NAME, "tool_names": list(tools), "description": _text(description)}


def _ordered(plan: Plan, tools: Sequence[str]) -> list[str]:
    """Return the tools in the order that the plan wants for its executor, what it does not name at the end."""
    wanted = plan.scaffold.order
    return [*wanted, *(name for name in tools if name not in wanted)]


def _descriptions(plan: Plan, servers: Sequence[PlannedServer]) -> dict[str, str]:
    about = {tool.type: tool.reasoning for tool in plan.builtin_tools}
    about |= {tool.name: tool.description for tool in plan.custom_tools}
    return about | {server.entry.id: f"{server.entry.description} {server.reasoning}".strip() for server in servers}


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


def _text(words: str) -> str:
    """Return a foreign text as one line in which NAT finds no variable, no escape and no file to read."""
    line = " ".join(words.split()).replace("${", "$ {").rstrip("\\ ")
    return re.sub(r"^file://", "file: //", line).replace("\\", r"\\")
