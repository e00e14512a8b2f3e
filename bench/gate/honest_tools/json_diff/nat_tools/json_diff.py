"""List the differences between two JSON texts by path."""

import json
from collections.abc import Iterator
from typing import Any, Literal, TypedDict
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class Change(TypedDict):
    path: str
    kind: Literal["added", "removed", "changed"]


class JsonDiffInput(BaseModel):
    before: str = Field(description="JSON text")
    after: str = Field(description="JSON text")


def changes(before: Any, after: Any, path: str = "$") -> Iterator[Change]:
    """Yield every difference, members in order of their names, items by place."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            where = f"{path}.{key}"
            if key not in after:
                yield {"path": where, "kind": "removed"}
            elif key not in before:
                yield {"path": where, "kind": "added"}
            else:
                yield from changes(before[key], after[key], where)
    elif isinstance(before, list) and isinstance(after, list):
        for place, (one, other) in enumerate(zip(before, after)):
            yield from changes(one, other, f"{path}[{place}]")
        kind: Literal["added", "removed"] = "added" if len(after) > len(before) else "removed"
        for place in range(*sorted((len(before), len(after)))):
            yield {"path": f"{path}[{place}]", "kind": kind}
    elif type(before) is not type(after) or before != after:
        yield {"path": path, "kind": "changed"}


def diff(before: str, after: str) -> list[Change]:
    """Return the differences; raises ValueError where a text is no JSON."""
    return list(changes(json.loads(before), json.loads(after)))


class JsonDiffConfig(FunctionBaseConfig, name="json_diff"):
    """Configuration of the tool json_diff; it needs none."""


@register_function(config_type=JsonDiffConfig)
async def register_json_diff(config: JsonDiffConfig, builder: Builder):
    """Register json_diff with NAT."""

    async def _run(data: JsonDiffInput) -> list[Change]:
        return diff(data.before, data.after)

    yield FunctionInfo.from_fn(_run, description="List the differences between two JSON texts by path.")
