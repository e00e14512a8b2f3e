"""Part of the check `schema`: values at the edges of a JSON Schema, where two that look alike differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from agenthands.gate.checks.schema_spelling import resolved

_ANY: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 0.5, -1.5, 10**6, -(10**6), "", "a", "abc", "0", "1.5", "true", "2024-02-29",
    [], [0], ["a"], [None], {}, {"a": 0}, {"a": "b"},
)  # fmt: skip
_MOST = 150  # values of one node
_FEW = 24  # values of one member of an array or object
_DEEPEST = 6
_BEYOND_FLOATS = 10**300
_LONGEST = 3000  # characters or items


def edge_values(schema: Any, known: Mapping[str, Any]) -> list[Any]:
    """Return values at, inside and outside the bounds that a schema names, most telling first; at most 150.

    `known` are the definitions to which it refers. The values are not all accepted by it: who compares two schemas
    asks both. Boundary-value analysis, as in Myers, The Art of Software Testing.
    """
    return _distinct(_values(schema, known, 0), _MOST)


def _distinct(values: Iterator[Any], most: int) -> list[Any]:
    found: dict[str, Any] = {}
    for each in values:
        found.setdefault(json.dumps(each, sort_keys=True), each)
        if len(found) >= most:
            break
    return list(found.values())


def _values(schema: Any, known: Mapping[str, Any], depth: int) -> Iterator[Any]:
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        yield from _ANY
        return
    schema = resolved(resolved(schema, known), known)
    yield from _listed(schema)
    for key in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(key, ()) if isinstance(schema.get(key), list) else ():
            yield from _distinct(_values(branch, known, depth + 1), _FEW * 2)
    if "not" in schema:
        yield from _distinct(_values(schema["not"], known, depth + 1), _FEW)
    yield from _numbers(schema)
    yield from _texts(schema)
    yield from _arrays(schema, known, depth)
    yield from _objects(schema, known, depth)
    yield from _ANY


def _listed(schema: Mapping[str, Any]) -> Iterator[Any]:
    if "const" in schema:
        yield schema["const"]
    for key in ("enum", "examples"):
        if isinstance(schema.get(key), list):
            yield from schema[key]
    if "default" in schema:
        yield schema["default"]


def _numbers(schema: Mapping[str, Any]) -> Iterator[Any]:
    for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"):
        bound = schema.get(key)
        if isinstance(bound, int | float) and not isinstance(bound, bool):
            yield from (bound, bound + 1, bound - 1, 3 * bound)
            if abs(bound) < _BEYOND_FLOATS:
                yield from (bound + 0.5, bound - 0.5, bound + 0.001, bound - 0.001)
    if _accepts(schema, "number", "integer"):
        yield from (0, 1, -1, 0.5, 100, -100, 10**9, -(10**9), 1e12 + 0.5)


def _texts(schema: Mapping[str, Any]) -> Iterator[Any]:
    for key in ("minLength", "maxLength"):
        if 0 <= (bound := _bound(schema, key)) <= _LONGEST:
            yield from ("a" * max(0, bound + more) for more in (0, -1, 1))
    if _accepts(schema, "string"):
        yield from ("", "a", "Z", "7", " ", "a b", "ab-c", "é", "a" * 40, "a" * 300)


def _arrays(schema: Mapping[str, Any], known: Mapping[str, Any], depth: int) -> Iterator[Any]:
    if not _accepts(schema, "array"):
        return
    first = schema.get("prefixItems")
    first = first if isinstance(first, list) else []
    items = schema.get("items", {})
    members = [_distinct(_values(each, known, depth + 1), _FEW) for each in first]
    rest = _distinct(_values(items, known, depth + 1), _FEW)
    base = [each[0] for each in members if each]
    lengths = [length for key in ("minItems", "maxItems") if 0 <= (length := _bound(schema, key)) <= _LONGEST]
    for length in dict.fromkeys(
        [*lengths, len(first), 1, 0, 2, *(each + more for each in lengths for more in (-1, 1))]
    ):
        for value in rest[:3]:
            yield (base + [value] * max(0, length - len(base)))[: max(0, length)]
    least = max([len(first), *lengths[:1]])
    for place, values in enumerate(members):
        yield from ([*base[:place], value, *base[place + 1 :]] for value in values)
    for value in rest:
        yield [*base, *[value] * max(1, least - len(base))]
        yield [*base, *rest[:1] * max(0, least - len(base) - 1), value]


def _objects(schema: Mapping[str, Any], known: Mapping[str, Any], depth: int) -> Iterator[Any]:
    if not _accepts(schema, "object"):
        return
    properties = schema.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    members = {name: _distinct(_values(each, known, depth + 1), _FEW) for name, each in properties.items()}
    required = schema.get("required")
    required = [each for each in required if isinstance(each, str)] if isinstance(required, list) else []
    full = {name: values[0] for name, values in members.items() if values}
    full |= {name: 0 for name in required if name not in full}
    least = {name: full[name] for name in required}
    yield full
    yield least
    for name, values in members.items():
        for value in values:
            yield {**least, name: value}
        yield {key: value for key, value in full.items() if key != name}
    more = schema.get("additionalProperties", {})
    for value in _distinct(_values(more, known, depth + 1), _FEW):
        yield {**least, "zz": value}
    named = resolved(schema.get("propertyNames", {}), known) if isinstance(schema.get("propertyNames"), Mapping) else {}
    for name in named.get("enum", ()) if isinstance(named.get("enum"), list) else ():
        yield {**least, str(name): 0}
        yield {**least, str(name): "a"}


def _accepts(schema: Mapping[str, Any], *kinds: str) -> bool:
    """Return whether a schema speaks of values of these kinds."""
    said = schema.get("type")
    said = said if isinstance(said, list) else [said] if said is not None else []
    return any(kind in said for kind in kinds)


def _bound(schema: Mapping[str, Any], key: str) -> int:
    """Return a length that a schema names; -1 where it names none."""
    length = schema.get(key)
    return int(length) if isinstance(length, int | float) and not isinstance(length, bool) else -1
