"""Arguments close to those of a tool's examples: what its users might pass, and nobody has written an answer for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from agenthands._util.untrusted_json import misfits
from agenthands.schemas import ToolSpec

_DEEPEST = 3
_LARGEST = 4_000  # characters of JSON
_LEFT_OUT = object()


def neighbours(tool: ToolSpec, indices: Sequence[int], most: int) -> list[dict[str, Any]]:
    """Return up to `most` arguments that differ in one value from those of the examples with these indices.

    They fit `parameters`, are no larger than the examples by much, and are those of no example. The same specification
    always has the same.
    """
    known = {_text(example.arguments) for example in tool.examples}
    found: list[dict[str, Any]] = []
    each = [_one_changed(tool.examples[index].arguments, tool.parameters) for index in indices]
    for some in zip_longest(*each):  # in turn, so that each example has its share
        for arguments in some:
            if arguments is None or len(found) == most:
                continue
            text = _text(arguments)
            if (
                text not in known
                and len(text) <= _LARGEST
                and not any(True for _ in misfits(arguments, tool.parameters))
            ):
                known.add(text)
                found.append(arguments)
        if len(found) == most:
            break
    return found


def _text(arguments: Mapping[str, Any]) -> str:
    return json.dumps(arguments, sort_keys=True)


def _one_changed(arguments: Mapping[str, Any], schema: Mapping[str, Any], depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield copies of an object with one value changed, the values in turn."""
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    changes = [
        [(name, other) for other in _changed(arguments.get(name, _LEFT_OUT), properties.get(name), depth)]
        for name in dict.fromkeys((*arguments, *properties))
    ]
    for some in zip_longest(*changes):
        for change in some:
            if change is not None:
                changed = {**arguments, change[0]: change[1]}
                yield {name: value for name, value in changed.items() if value is not _LEFT_OUT}


def _changed(value: Any, schema: Any, depth: int) -> Iterable[Any]:
    """Return other values in the place of one."""
    schema = schema if isinstance(schema, dict) else {}
    values = schema.get("enum")
    if isinstance(values, list):
        return [other for other in values if other != value]
    if value is _LEFT_OUT:
        return [schema["default"]] if "default" in schema else []
    return [*_others(value, schema, depth), _LEFT_OUT]


def _others(value: Any, schema: Mapping[str, Any], depth: int) -> Iterable[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        close = [value + 1, value - 1, 0, -value, 2 * value]
        # what is close enough for a cache that rounds, where fractions are allowed
        return close if schema.get("type") == "integer" else [value + 0.3, value + 0.004, *close]
    if isinstance(value, float):
        return [value + 0.3, value * 1.0001, value - 1, 0.0, -value, round(value), 2 * value]
    if isinstance(value, str):
        return _other_texts(value)
    if depth < _DEEPEST and isinstance(value, list):
        return _other_lists(value, schema.get("items"), depth)
    if depth < _DEEPEST and isinstance(value, dict):
        return _one_changed(value, schema, depth + 1)
    return []


def _other_texts(value: str) -> Iterator[str]:
    digits = [place for place, character in enumerate(value) if character in "0123456789"]
    for place in (digits[-1:] + digits[:1]) if len(digits) > 1 else digits:
        yield f"{value[:place]}{(int(value[place]) + 1) % 10}{value[place + 1 :]}"
    yield value[:-1]
    yield value.swapcase()
    yield f"{value} {value}"
    yield ""
    yield value[::-1]
    yield f" {value}"


def _other_lists(value: list[Any], items: Any, depth: int) -> Iterator[list[Any]]:
    yield value[:-1]
    yield value[::-1]
    yield [*value, *value[:1]]
    for place in dict.fromkeys((0, len(value) - 1)) if value else ():
        for other in _changed(value[place], items, depth + 1):
            if other is not _LEFT_OUT:
                yield [*value[:place], other, *value[place + 1 :]]
    yield []
