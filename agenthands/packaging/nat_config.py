"""NAT's configuration of an agent, and its test cases as a data set and a configuration for `nat eval`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import yaml

from agenthands.environments.nat_registry import BuiltinSchema, NatRegistry
from agenthands.evaluation.case_verdict import AgentParts
from agenthands.evaluation.installed_agent import model_variable
from agenthands.llm.settings import ModelSettings
from agenthands.mcp.catalogue_server import ServerVariable
from agenthands.mcp.setup import PlannedServer
from agenthands.packaging.agent_config import (
    LLM_NAME,
    agent_functions,
    llm_name,
    models_of,
    needs_team,
    plain,
    told,
)
from agenthands.packaging.readme_values import base_variable, is_scripted
from agenthands.packaging.tool_variables import tool_settings
from agenthands.schemas import BuiltinTool, Plan

_CASES = "evals/cases.jsonl"
_HERE = "${AGENT_HOME:-.}"
_AT_ONCE = 4
_ABOUT = r"# NAT fills in \${VARIABLES}; the backslash keeps whatever one holds a single text." + "\n"


def evaluation(plan: Plan, package: str, config: str) -> dict[str, str]:
    """Return the files below `evals/` by path; `config` is the path of the agent's configuration, their base."""
    specified = AgentParts.of(plan, []).specified
    cases = [
        {
            "id": case.id,
            "question": {"messages": case.messages()} if case.history else case.query,
            "answer": case.expected_behavior,
            "checks": [check.model_dump(mode="json") for check in case.checks],
            "specified": specified,
        }
        for case in plan.test_cases
    ]
    general = {
        "max_concurrency": _AT_ONCE,
        "output": {"dir": f"{_HERE}/evals/results"},
        # NAT reads plain JSON through pandas, which guesses types
        "dataset": {"_type": "jsonl", "file_path": f"{_HERE}/{_CASES}"},
    }
    settings = {
        "base": f"../{config}",
        "eval": {"general": general, "evaluators": {"checks": {"_type": f"{package}_checks"}}},
    }
    return {
        _CASES: "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in cases),
        "evals/config.yml": as_yaml(settings),
    }


class _Readable(yaml.SafeDumper):
    """Writes a text of several lines as lines, where YAML allows it."""

    def represent_text(self, text: str) -> yaml.Node:
        """Return the node of a text."""
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _Readable.represent_text)


def as_yaml(values: dict[str, Any]) -> str:
    """Return a configuration as readable YAML: in its own order, one line a value.

    NAT interpolates variables twice: in the text, then in each value that YAML found in it. The backslash leaves them
    to the second pass, so that the content of a variable always stays a single string.
    """
    text = yaml.dump(values, Dumper=_Readable, sort_keys=False, width=120, allow_unicode=True)
    escaped = text.replace("\\", r"\\").replace("${", r"\${")
    return _ABOUT + escaped if "${" in text else escaped


MEMORY_NAME = "memory"
_CALL_SETTINGS = ("temperature", "max_output_tokens", "reasoning_effort", "thinking_tokens", "context_tokens")


def package_name(plan: Plan) -> str:
    """Return the import name of the agent's package; the suffix `_agent` avoids clashes with other packages."""
    name = plan.name.replace("-", "_").rstrip("_")
    return name if name.endswith("_agent") else f"{name}_agent"


def nat_config(
    plan: Plan, registry: NatRegistry, servers: Sequence[PlannedServer], model: ModelSettings
) -> dict[str, Any]:
    """Return NAT's workflow configuration as a mapping.

    `model` is the agent's, with those of its roles. It is called through litellm, so `AGENT_MODEL` chooses it,
    `AGENT_API_BASE` says where it answers (with _ROLE at the end for the models of roles), and the provider's usual
    variables hold its key; its type is the package's own, which looks for that key and calls the model as it was called
    in acceptance. The file contains no secret.
    """
    package = package_name(plan)
    agents = agent_functions(plan, registry, package)
    functions = {tool.type: _builtin(tool, registry) for tool in plan.builtin_tools}
    functions |= {
        tool.name: {"_type": f"{package}_{tool.name}", "description": plain(tool.description), **tool_settings(tool)}
        for tool in plan.custom_tools
    }
    groups = {server.entry.id: _group(server) for server in servers}
    config: dict[str, Any] = {
        "llms": {llm_name(role): _llm(package, role, model) for role in models_of(plan.agents)},
        "functions": functions | agents.functions,
    }
    if needs_memory(plan, registry):
        path = f"${{AGENT_MEMORY:-~/.{package}/memory.sqlite}}"
        config["memory"] = {MEMORY_NAME: {"_type": f"{package}_memory", "path": path}}
    if groups:
        config["function_groups"] = groups
    return {**config, "workflow": agents.workflow}


def needs_memory(plan: Plan, registry: NatRegistry) -> bool:
    """Return whether a builtin tool of the plan keeps something in the agent's memory."""
    known = (registry.builtins.get(tool.type, BuiltinSchema()) for tool in plan.builtin_tools)
    return any(tool.references("memory") for tool in known)


def own_modules(plan: Plan, registry: NatRegistry) -> list[str]:
    """Return the modules of the package, besides those that each has, that the configuration needs."""
    return [*(["team"] if needs_team(plan) else []), *(["memory"] if needs_memory(plan, registry) else [])]


def _builtin(tool: BuiltinTool, registry: NatRegistry) -> dict[str, Any]:
    """Return a builtin tool's configuration; what names a model or a memory names the agent's."""
    known = registry.builtins.get(tool.type, BuiltinSchema())
    models = dict.fromkeys(known.references("llm"), LLM_NAME)
    memories = dict.fromkeys(known.references("memory"), MEMORY_NAME)
    if memories and "user_id" in known.fields:
        memories["user_id"] = "${AGENT_USER:-user}"
    return {"_type": tool.type, **models, **memories, **{key: _harmless(value) for key, value in tool.config.items()}}


def _harmless(value: Any) -> Any:
    """Return a value of the plan in whose texts NAT finds no variable and no file to read."""
    if isinstance(value, str):
        return told(value)
    if isinstance(value, dict):
        return {key: _harmless(each) for key, each in value.items()}
    return [_harmless(each) for each in value] if isinstance(value, list) else value


def _llm(package: str, role: str, model: ModelSettings) -> dict[str, Any]:
    own = model.with_role(role)
    without = "?must be set, see .env.example" if is_scripted(own.model) else f"-{own.model}"
    return {
        "_type": f"{package}_model",
        "model_name": f"${{{model_variable(role)}:{without}}}",
        "base_url": f"${{{base_variable(model, role)}:-}}",
        **_calls(own),
    }


def _calls(model: ModelSettings) -> dict[str, Any]:
    """Return what the settings say of each call; the package makes options of it as the gateway of acceptance does."""
    said = {name: getattr(model, name) for name in _CALL_SETTINGS}
    return {name: value for name, value in said.items() if value is not None}


def _group(server: PlannedServer) -> dict[str, Any]:
    entry = server.entry
    values = {each.name: _reference(each, server.settings.get(each.name, "")) for each in entry.variables}
    start: dict[str, Any] = {
        "transport": "stdio",
        "command": f"${{AGENT_MCP_HOME:-mcp}}/{entry.id}/bin/{entry.command[0]}",
        "args": entry.arguments(values),
    }
    if variables := entry.started_with(values, reads_only=not server.grants):
        start["env"] = variables
    group = {"_type": "mcp_client", "server": start, "include": list(server.tools)}
    # NAT reads all that a server lists, so a name that it refuses must go, whether the plan uses that tool or not.
    if renamed := {tool.listed: {"alias": tool.name} for tool in entry.tools if tool.listed}:
        group["tool_overrides"] = renamed
    return group


def _reference(variable: ServerVariable, planned: str) -> str:
    """Return NAT's reference to a user's variable; NAT refuses to start if a required one is missing or empty."""
    if usual := planned or variable.default:
        return f"${{{variable.name}:-{usual}}}"
    if variable.required:
        return f"${{{variable.name}:?must be set, see .env.example}}"
    return f"${{{variable.name}:-{variable.placeholder}}}"
