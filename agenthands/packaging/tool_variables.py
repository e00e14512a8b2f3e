"""What the tools of a plan touch, as the agent's user sets it: variables of the environment, settings of the tools."""

from __future__ import annotations

from typing import Any

from agenthands.evaluation.agent_world import place_variable
from agenthands.packaging.agent_config import told
from agenthands.schemas import Plan, ToolSpec


def tool_settings(tool: ToolSpec) -> dict[str, Any]:
    """Return the settings of a written tool: defaults as they are, paths and keys as variables of the environment."""
    settings = {each.name: _without_variables(each.default) for each in tool.effects.settings}
    settings |= {name: f"${{{place_variable(tool.name, name)}:-}}" for name, _ in tool.effects.places()}
    return settings | {name.lower(): f"${{{name}:-}}" for name in tool.effects.secrets}


def place_variables(plan: Plan) -> dict[str, str]:
    """Return the variables with the paths of files, folders and databases, each with what it is for."""
    found = {}
    for tool in plan.custom_tools:
        for name, place in tool.effects.places():
            does = "changes" if place.access == "write" else "reads"
            found[place_variable(tool.name, name)] = f"{tool.name}: the path of {name}, which it {does}"
    return found


def secret_variables(plan: Plan) -> dict[str, str]:
    """Return the variables with keys that tools use themselves, each with what it is for."""
    found: dict[str, str] = {}
    for tool in plan.custom_tools:
        hosts = ", ".join(each.host for each in tool.effects.http)
        for name in tool.effects.secrets:
            found.setdefault(name, f"{tool.name}: its key" + (f" for {hosts}" if hosts else ""))
    return found


def _without_variables(value: Any) -> Any:
    return told(value) if isinstance(value, str) else value
