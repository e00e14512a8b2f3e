"""The JSON schema of a plan, as it is shown to the planner."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agenthands.schemas import Plan

# What a plan may say and no planner should: where `effects` name the hosts, `network` says nothing; nobody records
# what a model imagines.
_UNTOLD = {"ToolSpec": ("network", "operation"), "Exchange": ("origin", "at"), "World": ("binary", "origin")}


def planner_schema(*, with_apis: bool = False, of_revision: bool = False) -> dict[str, Any]:
    """Return the schema of what the planner is taught, without the titles that repeat the names of fields.

    Operations are taught where there are some, `with_apis`, and what becomes of earlier test cases in a revision.
    """
    schema = Plan.model_json_schema()
    for part, fields in _UNTOLD.items():
        for field in fields:
            del schema["$defs"][part]["properties"][field]
    unused = {"HttpOperation", "Carried", "Credential", "Paging"}
    if not with_apis:
        del schema["properties"]["operations"]
        unused |= {"ApiOperation", "ApiCall"}
    if not of_revision:
        del schema["properties"]["retired"]
        unused.add("RetiredCase")
    schema["$defs"] = {name: part for name, part in schema["$defs"].items() if name not in unused}
    untitled: dict[str, Any] = _untitled(schema)
    return untitled


def shown_schema(schema: Mapping[str, Any]) -> str:
    """Return a schema as the prompt has it: a part a line, and without what is said of all parts there.

    The prompt says that objects have no fields but those listed, and each plan pays for every character.
    """
    parts = {name: _in_short(part) for name, part in schema["$defs"].items()}
    rest = _in_short({name: value for name, value in schema.items() if name != "$defs"})
    lines = [f"{json.dumps(name)}: {json.dumps(part)}" for name, part in parts.items()]
    return f'{{"$defs": {{\n{",\n".join(lines)}}},\n{json.dumps(rest)[1:]}'


def _untitled(schema: Any) -> Any:
    """Return a schema without titles; a property of that name is no text and stays."""
    if isinstance(schema, dict):
        named = {name: value for name, value in schema.items() if name != "title" or not isinstance(value, str)}
        return {name: _untitled(value) for name, value in named.items()}
    return [_untitled(each) for each in schema] if isinstance(schema, list) else schema


def _in_short(schema: Any) -> Any:
    """Return a schema without what goes without saying: open objects, absent defaults, and that parts are closed."""
    if isinstance(schema, list):
        return [_in_short(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    silent = {"additionalProperties": (True, False), "default": ("", None, 0, False)}
    return {
        name: _in_short(value)
        for name, value in schema.items()
        if not any(value is each or (value == each and type(value) is type(each)) for each in silent.get(name, ()))
    }
