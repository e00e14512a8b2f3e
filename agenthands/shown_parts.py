"""What the report and the terminal both show of a plan's tools and servers, as rows of text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agenthands.models import BuildRecord, CustomTool, ErrorExample, McpServerPin, ToolOutcome, held_out_indices


@dataclass(frozen=True)
class ShownServer:
    """A server of the plan; `pin` is None where it was not installed. Its tools are pairs of name and description."""

    id: str
    reasoning: str
    pin: McpServerPin | None
    used: Sequence[tuple[str, str]]
    others: Sequence[tuple[str, str]]


def servers_of(record: BuildRecord) -> list[ShownServer]:
    """Give the servers of the plan in its order; none where there is no plan."""
    pins = {pin.id: pin for pin in record.mcp_servers}
    servers = []
    for wanted in record.plan.mcp_servers if record.plan else []:
        pin = pins.get(wanted.id)
        known = pin.tools if pin else {}
        used = [(name, known.get(name, "")) for name in wanted.tools]
        others = [each for each in known.items() if each[0] not in wanted.tools]
        servers.append(ShownServer(wanted.id, wanted.reasoning, pin, used, others))
    return servers


def specification_of(tool: ToolOutcome, record: BuildRecord) -> CustomTool | None:
    """Give what the plan says about a tool."""
    planned = record.plan.custom_tools if record.plan else []
    return next((each for each in planned if each.name == tool.name), None)


def arguments_of(tool: CustomTool) -> list[tuple[str, str, str]]:
    """Give name, type and description of each argument, as far as the schema says them plainly."""
    properties = tool.parameters.get("properties")
    given = tool.parameters.get("required")
    required = given if isinstance(given, list) else []
    if not isinstance(properties, dict):
        return []
    return [
        (name, _type(schema) + ("" if name in required else ", optional"), str(schema.get("description", "")))
        for name, schema in properties.items()
        if isinstance(schema, dict)
    ]


def examples_of(tool: CustomTool) -> list[tuple[str, str, bool]]:
    """Give arguments and result of each example, and whether the coder never saw it."""
    hidden = held_out_indices(tool)
    return [
        (
            _json(example.arguments),
            f"raises {example.raises}" if isinstance(example, ErrorExample) else _json(example.expected),
            index in hidden,
        )
        for index, example in enumerate(tool.examples)
    ]


def as_text(value: Any) -> str:
    """Give a text as it is, and any other value as JSON."""
    return value if isinstance(value, str) else _json(value)


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "any")
    items = schema.get("items")
    inner = f" of {_type(items)}" if kind == "array" and isinstance(items, dict) else ""
    return (kind if isinstance(kind, str) else _json(kind)) + inner


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
