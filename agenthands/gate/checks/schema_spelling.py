"""Part of the check `schema`: JSON Schemas in one spelling, so that most need no search for a value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_WORDS = ("title", "$schema", "$comment", "examples", "description", "discriminator", "deprecated", "format",
          "contentMediaType", "contentEncoding", "readOnly", "writeOnly")  # fmt: skip
DEFINITIONS = ("$defs", "definitions")
MISSING = object()


class Steps:
    """How much of a schema is still looked at: references that each name two others would double without end."""

    def __init__(self, most: int = 2_000) -> None:
        """Allow so many nodes."""
        self._left = most

    def taken(self) -> bool:
        """Return whether one more node may be looked at, and count it."""
        self._left -= 1
        return self._left >= 0


def canonical(schema: Mapping[str, Any], *, without_null: bool = False) -> Any:
    """Return a schema in one spelling: without words and references, unions in order, no default.

    What says nothing about the values that a schema accepts is left out; with `without_null` also the null that an
    argument accepts which may be left out. Of a schema without end the references that are too many stay.
    """
    return _canonical(schema, definitions(schema), Steps(), without_null)


def without_null(schema: Any) -> Any:
    """Return a canonical schema that refuses null, where it is a union with it."""
    choices = schema.get("anyOf") if isinstance(schema, dict) else None
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [each for each in choices if each != {"type": "null"}]
        others = _without(schema, "anyOf")
        return _tidy(
            {**rest[0], **others} if len(rest) == 1 and isinstance(rest[0], dict) else {**others, "anyOf": rest}
        )
    if isinstance(schema, dict) and isinstance(schema.get("type"), list):
        return _tidy({**schema, "type": [each for each in schema["type"] if each != "null"]})
    return schema


def definitions(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the definitions to which a schema refers."""
    found = [schema[key] for key in DEFINITIONS if isinstance(schema.get(key), Mapping)]
    return {name: each for some in found for name, each in some.items()}


def resolved(node: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a node with its own reference followed once; what stands beside the reference counts too."""
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return node
    target = known.get(reference.rpartition("/")[2])
    return {**(target if isinstance(target, Mapping) else {}), **{key: node[key] for key in node if key != "$ref"}}


def descriptions(node: Any, known: Mapping[str, Any], seen: set[str] | None = None) -> Iterator[str]:
    """Yield every description in a schema and what it refers to, each definition once."""
    seen = set() if seen is None else seen
    if isinstance(node, list):
        for each in node:
            yield from descriptions(each, known, seen)
    if not isinstance(node, Mapping):
        return
    if isinstance(node.get("description"), str):
        yield node["description"]
    name = str(node.get("$ref")).rpartition("/")[2]
    if isinstance(known.get(name), Mapping) and name not in seen:
        seen.add(name)
        yield from descriptions(known[name], known, seen)
    for key, value in node.items():
        if key == "properties" and isinstance(value, Mapping):
            for each in value.values():
                yield from descriptions(each, known, seen)
        elif key not in ("default", "enum", "const", "examples", "description", *DEFINITIONS):
            yield from descriptions(value, known, seen)


def same_value(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON; 5 is 5.0 and "5", as decimals are shown, but 1 is not true."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, str) != isinstance(other, str):
        try:
            return float(one) == float(other)
        except (TypeError, ValueError, OverflowError):
            return False
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_value(one[key], other[key]) for key in one)
    return bool(one == other)


def _canonical(node: Any, known: Mapping[str, Any], steps: Steps, no_null: bool, depth: int = 0) -> Any:
    if isinstance(node, list):
        return [_canonical(each, known, steps, no_null, depth) for each in node]
    if not isinstance(node, Mapping):
        return node
    if isinstance(node.get("$ref"), str) and depth < 20 and steps.taken():
        return _canonical(resolved(node, known), known, steps, no_null, depth + 1)
    result = {}
    required = node.get("required")
    for key, value in node.items():
        if key in ("properties", "patternProperties") and isinstance(value, Mapping):
            members = {name: _canonical(each, known, steps, no_null, depth) for name, each in value.items()}
            optional = no_null and key == "properties" and isinstance(required, list | None)
            result[key] = {
                name: without_null(each) if optional and name not in (required or ()) else each
                for name, each in members.items()
            }
        elif key in ("const", "enum"):
            result[key] = value
        elif key not in (*_WORDS, *DEFINITIONS, "default"):
            result[key] = _canonical(value, known, steps, no_null, depth)
    return _tidy(result)


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    single = schema.get("allOf")
    if isinstance(single, list) and len(single) == 1 and isinstance(single[0], dict):
        schema = {**single[0], **_without(schema, "allOf")}
    schema = _tidy_types(schema)
    if isinstance(schema.get("required"), list):
        schema["required"] = sorted(schema["required"], key=str)
    said_anyway = {"items": {}, "additionalProperties": True, "required": []}
    if schema.get("additionalProperties") == {}:
        schema = _without(schema, "additionalProperties")
    return {key: value for key, value in schema.items() if key not in said_anyway or value != said_anyway[key]}


def _tidy_types(schema: dict[str, Any]) -> dict[str, Any]:
    """Write several types as a list, a constant as an enum, whose values say the type, and unions in one order."""
    choices = schema.get("anyOf")
    if (
        isinstance(choices, list)
        and choices
        and all(isinstance(each, dict) and set(each) == {"type"} for each in choices)
    ):
        types = [each["type"] if isinstance(each["type"], list) else [each["type"]] for each in choices]
        if "type" not in schema or _says_by_values(schema):
            schema = {**_without(schema, "anyOf"), "type": [str(each) for some in types for each in some]}
    elif isinstance(choices, list):
        schema = {**schema, "anyOf": sorted(choices, key=_in_order)}
    if isinstance(schema.get("type"), list):
        kinds = {str(each) for each in schema["type"]}
        kinds -= {"integer"} if "number" in kinds else set()
        schema["type"] = sorted(kinds) if len(kinds) > 1 else next(iter(kinds), [])
    if "const" in schema:
        schema = {**_without(schema, "const"), "enum": [schema["const"]]}
    if isinstance(schema.get("enum"), list):
        schema = {**_without(schema, "type"), "enum": sorted(schema["enum"], key=_in_order)}
    return schema


def _says_by_values(schema: dict[str, Any]) -> bool:
    """Return whether a schema lists its values, so that its types are left out."""
    return "const" in schema or isinstance(schema.get("enum"), list)


def _in_order(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _without(schema: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}
