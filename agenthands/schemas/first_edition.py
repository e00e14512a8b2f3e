"""Reads a plan of the first edition as one of now: it had one scaffold, flat lists of tools and no instructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MAIN = "main_agent"
_SPECIALIST = "tool_calling_agent"
# The types that the first edition gave an agent of its own for each tool and each server.
_OF_AGENTS = ("router_agent", "sequential_executor", "parallel_executor")


def upgraded(values: Any) -> Any:
    """Return the values of a plan of any edition as values of this one; what is no plan is returned as it is.

    A plan that has both agents and a scaffold is of this edition: the scaffold repeats what its entry says.
    """
    if not isinstance(values, Mapping) or "scaffold" not in values:
        return values
    rest = {key: value for key, value in values.items() if key != "scaffold"}
    if "agents" in values:
        return rest
    scaffold = values["scaffold"]
    if not isinstance(scaffold, Mapping):
        return values
    tools = _names(values)
    order = [name for name in scaffold.get("order") or [] if isinstance(name, str)]
    ordered = [*order, *(name for name in tools if name not in order)]
    kind, summary = str(scaffold.get("type", "")), str(values.get("summary") or "The agent")
    specialists = [_specialist(name, about) for name, about in _about(values, ordered)] if kind in _OF_AGENTS else []
    main = {
        "name": MAIN,
        "description": summary,
        "type": kind,
        "tools": [each["name"] for each in specialists] or ordered,
    }
    return {**rest, "agents": [main, *specialists], "entry": MAIN}


def _specialist(tool: str, about: str) -> dict[str, Any]:
    name = f"{tool.replace('-', '_')}_agent"[:49]
    return {"name": name, "description": about, "type": _SPECIALIST, "tools": [tool]}


def _names(values: Mapping[str, Any]) -> list[str]:
    keys = (("builtin_tools", "type"), ("custom_tools", "name"), ("mcp_servers", "id"))
    return [str(part.get(key)) for field, key in keys for part in _parts(values, field)]


def _about(values: Mapping[str, Any], names: Sequence[str]) -> list[tuple[str, str]]:
    about = {str(part.get("type")): part.get("reasoning") for part in _parts(values, "builtin_tools")}
    about |= {str(part.get("name")): part.get("description") for part in _parts(values, "custom_tools")}
    about |= {str(part.get("id")): part.get("reasoning") for part in _parts(values, "mcp_servers")}
    return [(name, str(about.get(name) or name)) for name in names]


def _parts(values: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    parts = values.get(field)
    return [part for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
