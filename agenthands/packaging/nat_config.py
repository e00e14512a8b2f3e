"""NAT's configuration of an agent, and its test cases as a data set and a configuration for `nat eval`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import yaml

from agenthands.environments.nat_registry import AgentTypeSchema
from agenthands.llm.settings import ModelSettings
from agenthands.mcp.catalogue import ServerVariable
from agenthands.mcp.setup import PlannedServer
from agenthands.schemas import Plan

_CASES = "evals/cases.jsonl"
_AT_ONCE = 4
_ABOUT = r"# NAT fills in \${VARIABLES}; the backslash keeps whatever one holds a single text." + "\n"


def evaluation(plan: Plan, package: str, config: str) -> dict[str, str]:
    """Return the files below `evals/` by path; `config` is the path of the agent's configuration, their base."""
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
    """Return a configuration as readable YAML: in its own order, one line a value.

    NAT interpolates variables twice: in the text, then in each value that YAML found in it. The backslash leaves them
    to the second pass, so that the content of a variable always stays a single string.
    """
    text = yaml.safe_dump(values, sort_keys=False, width=120, allow_unicode=True)
    escaped = text.replace("\\", r"\\").replace("${", r"\${")
    return _ABOUT + escaped if "${" in text else escaped


# What NAT's react agent does only if it is told to: show the model the tools' schemas, and ask again where it wrote
# bold words or a fence into its steps (NVIDIA/NeMo-Agent-Toolkit#1308, #262).
_FOR_ANY_MODEL = {"use_native_tool_calling": True, "parse_agent_response_max_retries": 3}
LLM_NAME = "llm"
_CALL_SETTINGS = ("temperature", "max_output_tokens", "reasoning_effort", "thinking_tokens", "context_tokens")
INNER_AGENT = "inner_agent"
INNER_TYPE = "tool_calling_agent"


def package_name(plan: Plan) -> str:
    """Return the import name of the agent's package; the suffix `_agent` avoids clashes with other packages."""
    name = plan.name.replace("-", "_").rstrip("_")
    return name if name.endswith("_agent") else f"{name}_agent"


def nat_config(
    plan: Plan, scaffold: AgentTypeSchema, servers: Sequence[PlannedServer], model: ModelSettings
) -> dict[str, Any]:
    """Return NAT's workflow configuration as a mapping.

    An agent type that takes only single functions (router, executors) passes each of them the text of the question,
    which tools do not accept: so each tool and each server gets an agent of its own, which calls it.
    The model is called through litellm, so `AGENT_MODEL` chooses it, `AGENT_API_BASE` says where it answers, and the
    provider's usual variables hold its key; its type is the package's own, which looks for that key and calls the model
    as it was called in acceptance. The file contains no secret.
    """
    functions: dict[str, dict[str, Any]] = {tool.type: {"_type": tool.type} for tool in plan.builtin_tools}
    functions |= {tool.name: {"_type": tool.name} for tool in plan.custom_tools}
    groups = {server.entry.id: _group(server) for server in servers}
    tools = [*functions, *groups]
    workflow: dict[str, Any] = {"_type": plan.scaffold.type}
    if "description" in scaffold.fields:
        workflow["description"] = _text(plan.summary)  # what clients of `nat mcp serve` read
    if llm := scaffold.field_of("llm"):
        workflow[llm] = LLM_NAME
    workflow |= {name: value for name, value in _FOR_ANY_MODEL.items() if name in scaffold.fields}
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
                "model_name": f"${{AGENT_MODEL:-{model.model}}}",
                "base_url": "${AGENT_API_BASE:-}",
                **_calls(model),
            }
        },
        "functions": functions,
    }
    if groups:
        config["function_groups"] = groups
    return {**config, "workflow": workflow}


def _calls(model: ModelSettings) -> dict[str, Any]:
    """Return what the settings say of each call; the package makes options of it as the gateway of acceptance does."""
    said = {name: getattr(model, name) for name in _CALL_SETTINGS}
    return {name: value for name, value in said.items() if value is not None}


def _agent(tools: Sequence[str], description: str) -> dict[str, Any]:
    return {"_type": INNER_TYPE, "llm_name": LLM_NAME, "tool_names": list(tools), "description": _text(description)}


def _ordered(plan: Plan, tools: Sequence[str]) -> list[str]:
    """Return the tools in the order that the plan specifies for its executor; the others are at the end."""
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
    """Return NAT's reference to a user's variable; NAT refuses to start if a required one is missing or empty."""
    if variable.required:
        return f"${{{variable.name}:?must be set, see .env.example}}"
    return f"${{{variable.name}:-{variable.placeholder}}}"


def _text(words: str) -> str:
    """Return an untrusted text as one line in which NAT finds no variable, no escape and no file to read."""
    line = " ".join(words.split()).replace("${", "$ {").rstrip("\\ ")
    return re.sub(r"^file://", "file: //", line).replace("\\", r"\\")
