"""Which examples of a tool the coder never sees, and whether these can tell a rule from a table of answers."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from agenthands._util.json_values import same_json

if TYPE_CHECKING:
    from agenthands.schemas.tool_spec import ToolSpec

_FEWEST = 3


def hidden_example_indices(tool: ToolSpec) -> list[int]:
    """Return the indices, sorted, of the examples that the coder never sees: about a third, none of fewer than three.

    They hold a result that no visible example has, so a table of the visible answers fails; where `returns` allows few
    values, they hold two different results, so no single answer passes. An error stays visible at least once for each
    class. Where the examples do not allow that, as in plans of earlier versions, they come as close as they can. The
    choice depends only on the tool's name, its examples and `returns`, so the same plan always hides the same ones.
    """
    if len(tool.examples) < _FEWEST:
        return []
    ranked = _ranked(tool)
    count = max(1, round(len(ranked) / 3))
    if has_few_values(tool.returns) and len(_results(tool)) > _FEWEST:
        count = max(2, count)
    seed = _telling(tool, ranked, count)
    chosen = [*seed, *(index for index in ranked if index not in seed)]
    hidden: list[int] = []
    for index in chosen:
        if len(hidden) < count and _may_be_hidden(tool, index, hidden):
            hidden.append(index)
    return sorted(hidden)


def hold_out_fault(tool: ToolSpec) -> str:
    """Return why a table of the visible examples could pass the hidden ones; empty where none could.

    It is empty, too, where the examples are all calls that `parameters` allow: such a table is the tool.
    """
    if _shows_every_call(tool):
        return ""
    if len(tool.examples) < _FEWEST:
        return (
            f"{len(tool.examples)} are too few to hold one back from the coder: give six to ten, three at the very "
            f"least, with different results"
        )
    if _tells(tool, hidden_example_indices(tool)):
        return ""
    if has_few_values(tool.returns):
        return (
            "`returns` allows few values, so two different results are held back from the coder: give at least two "
            "examples for each of two results"
        )
    return (
        "none has a result of its own that could be held back from the coder, so a table of the others would pass: "
        "give more examples with results that no other example has, or where there are few, list them as an `enum` in "
        "`returns`"
    )


def _shows_every_call(tool: ToolSpec) -> bool:
    """Return whether the examples have different arguments, as many as there can be."""
    properties, required = tool.parameters.get("properties", {}), tool.parameters.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, list):
        return False
    ways = [_count(schema) + (name not in required) for name, schema in properties.items()]
    return math.prod(ways) <= len({json.dumps(example.arguments, sort_keys=True) for example in tool.examples})


def _count(schema: Any) -> float:
    """Return how many values a schema allows, infinity where it does not say so in the simplest way."""
    schema = schema if isinstance(schema, dict) else {}
    if isinstance(values := schema.get("enum"), list):
        return len(values)
    if "const" in schema:
        return 1
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return sum({"boolean": 2, "null": 1}.get(kind, math.inf) for kind in kinds)


def _ranked(tool: ToolSpec) -> list[int]:
    """Return all indices in an order that only the content of the examples decides."""

    def rank(index: int) -> str:
        body = tool.examples[index].model_dump(mode="json")
        return hashlib.sha256(json.dumps([tool.name, body], sort_keys=True).encode()).hexdigest()

    return sorted(range(len(tool.examples)), key=rank)


def _results(tool: ToolSpec) -> list[int]:
    return [index for index, example in enumerate(tool.examples) if hasattr(example, "expected")]


def _telling(tool: ToolSpec, ranked: Sequence[int], count: int) -> list[int]:
    """Return the fewest examples that must be hidden, first in rank; none where no choice is telling."""
    groups = _by_result(tool, [index for index in ranked if index in set(_results(tool))])
    if has_few_values(tool.returns):
        groups.sort(key=lambda group: len(group) < 2)  # what is hidden is shown as well, where it can be
        return [group[0] for group in groups[:2]] if len(groups) > 1 and count > 1 else []
    small = [group for group in groups if len(group) <= count]
    return min(small, key=len) if len(groups) > 1 and small else []


def _by_result(tool: ToolSpec, indices: Iterable[int]) -> list[list[int]]:
    groups: list[list[int]] = []
    for index in indices:
        for group in groups:
            if same_json(_expected(tool, group[0]), _expected(tool, index)):
                group.append(index)
                break
        else:
            groups.append([index])
    return groups


def _may_be_hidden(tool: ToolSpec, index: int, hidden: Collection[int]) -> bool:
    """Return whether enough stays visible: a result, and an error of the same class."""
    rest = [other for other in range(len(tool.examples)) if other != index and other not in hidden]
    example = tool.examples[index]
    if hasattr(example, "expected"):
        return any(hasattr(tool.examples[other], "expected") for other in rest)
    return any(getattr(tool.examples[other], "raises", None) == example.raises for other in rest)


def _tells(tool: ToolSpec, hidden: Collection[int]) -> bool:
    """Return whether no table of the visible results, with whatever answer for all else, fits the hidden ones."""
    held = [index for index in _results(tool) if index in hidden]
    seen = [index for index in _results(tool) if index not in hidden]
    if has_few_values(tool.returns):
        return len(_by_result(tool, held)) > 1
    return bool(seen) and any(
        not any(same_json(_expected(tool, index), _expected(tool, other)) for other in seen) for index in held
    )


def _expected(tool: ToolSpec, index: int) -> Any:
    return getattr(tool.examples[index], "expected", None)


def has_few_values(schema: Any, depth: int = 5) -> bool:
    """Return whether a schema allows few values, such as a boolean, or an object of booleans."""
    if not isinstance(schema, dict) or not depth:
        return False
    if "enum" in schema or "const" in schema:
        return True
    for key in ("anyOf", "oneOf"):
        if isinstance(choices := schema.get(key), list) and choices:
            return all(has_few_values(each, depth - 1) for each in choices)
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    properties = schema.get("properties")
    if kinds == ["object"] and isinstance(properties, dict) and properties:
        return all(has_few_values(each, depth - 1) for each in properties.values())
    return bool(kinds) and all(kind in ("boolean", "null") for kind in kinds)
