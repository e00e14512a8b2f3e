"""The JSON schema of a plan, as it is shown to the planner."""

from __future__ import annotations

import json
from typing import Any

from agenthands.schemas import Plan

_UNTOLD = {"ToolSpec": ("effects", "worlds"), "TestCase": ("world",), "World": ("binary", "origin")}
_UNTOLD |= dict.fromkeys(("ResultExample", "ErrorExample"), ("world", "requests", "leaves"))


def planner_schema() -> dict[str, Any]:
    """Return the schema of what the planner is taught: effects and worlds are read, but its prompt does not name them.

    Half of the whole schema is about these, and each plan would pay for that.
    """
    schema = Plan.model_json_schema()
    parts = schema["$defs"]
    for part, fields in _UNTOLD.items():
        for field in fields:
            del parts[part]["properties"][field]
    while unused := [name for name in parts if f'"#/$defs/{name}"' not in json.dumps(schema)]:
        for name in unused:
            del parts[name]
    return schema
