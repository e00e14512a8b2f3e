"""What differs between two plans, by the names of their parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agenthands.schemas.plan import Plan

_NAMED = {"agents": "name", "builtin_tools": "type", "custom_tools": "name", "mcp_servers": "id", "test_cases": "id"}
_SAID = {"scaffold", "changes", "reasoning", "retired", "operations"}  # operations become custom tools


def changed_parts(before: Plan, after: Plan) -> list[str]:
    """Return the names of what was added, removed or changed, such as `agents.writer.instructions`, `entry`.

    What the planner says about its own plan is left out.
    """
    one, other = before.model_dump(mode="json"), after.model_dump(mode="json")
    names: list[str] = []
    for field in other:
        if field in _SAID or one.get(field) == other[field]:
            continue
        if field not in _NAMED:
            names.append(field)
            continue
        key = _NAMED[field]
        old, new = ({part[key]: part for part in plan[field]} for plan in (one, other))
        for name in [*old, *(name for name in new if name not in old)]:
            names += _changed(f"{field}.{name}", old.get(name), new.get(name))
    return names


def _changed(where: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[str]:
    if old is None or new is None:
        return [f"{where} ({'added' if old is None else 'removed'})"]
    keys = [*new, *(key for key in old if key not in new)]
    return [f"{where}.{key}" for key in keys if old.get(key) != new.get(key)]
