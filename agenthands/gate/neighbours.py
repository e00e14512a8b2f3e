"""Arguments close to those of a tool's examples: what its users might pass, and nobody has written an answer for."""

from __future__ import annotations

import ast
import json
import sys
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
            if text not in known and len(text) <= _LARGEST and _fits(arguments, tool):
                known.add(text)
                found.append(arguments)
        if len(found) == most:
            break
    return found


def literals(tool: ToolSpec, indices: Sequence[int], source: str, most: int) -> list[dict[str, Any]]:
    """Return arguments of these examples with one value replaced by another constant of the tool's code.

    Only a value that is itself a constant there is replaced: code that knows the values of examples may be a table, and
    an honest table knows more of them.
    """
    constants = _constants(source)
    known = {_text(example.arguments) for example in tool.examples}
    found: list[dict[str, Any]] = []
    for index in indices:
        arguments = tool.examples[index].arguments
        for name, value in arguments.items():
            same_kind = [each for each in constants if isinstance(each, str) is isinstance(value, str)]
            for other in same_kind if is_plain(value) and value in constants else ():
                changed = {**arguments, name: other}
                if len(found) < most and _text(changed) not in known and _fits(changed, tool):
                    known.add(_text(changed))
                    found.append(changed)
    return found


def is_literal(arguments: Mapping[str, Any], source: str) -> bool:
    """Return whether one of these arguments is a constant of the code, other than those that any code has."""
    constants = [each for each in _constants(source) if each not in (0, 1, -1, 2, 10, 100, "")]
    return any(is_plain(value) and value in constants for value in arguments.values())


def is_plain(value: Any) -> bool:
    """Return whether a value is a text or a number."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _constants(source: str) -> list[Any]:
    """Return the texts and numbers that stand in some code, negative ones too, each once."""
    found: list[Any] = []
    for node in ast.walk(ast.parse(source)):
        value = None
        if isinstance(node, ast.Constant):
            value = node.value
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            value = -node.operand.value if isinstance(node.operand.value, int | float) else None
        if is_plain(value) and value not in found:
            found.append(value)
    return found[:500]


def _fits(arguments: Mapping[str, Any], tool: ToolSpec) -> bool:
    return not misfits(arguments, tool.parameters)


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
        # what is close enough for a cache that rounds, where fractions are allowed and floats go so far
        whole = schema.get("type") == "integer" or abs(value) > sys.float_info.max / 2
        return close if whole else [value + 0.3, value + 0.004, value * 1.00001, *close]
    if isinstance(value, float):
        return [value + 0.3, value * 1.0001, value * 1.00001, value - 1, 0.0, -value, round(value), 2 * value]
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
