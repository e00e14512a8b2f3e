"""Arguments with which a mutant may show that it does something else than the tool.

They are made from the examples by small changes, and from the constants of the tool, where its boundaries lie: what
grey-box fuzzers do (Zeller et al., "The Fuzzing Book", chapter "Mutation-Based Fuzzing"). A generator that knows the
schema alone, hypothesis-jsonschema for instance, hits neither a boundary nor a text that the tool can read.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import json
import random
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agenthands.schemas import ToolSpec

Arguments = dict[str, Any]
_MAX_CONSTANTS = 40
_MAX_TEXT = 5_000


def probes(tool: ToolSpec, source: str, count: int) -> list[Arguments]:
    """Return `count` arguments at most: those of the examples, then such that differ from them; always the same."""
    made = _Maker(tool, *_constants(source))
    found: dict[str, Arguments] = {}
    for arguments in made.arguments(count * 20):
        found.setdefault(json.dumps(arguments, sort_keys=True, default=str), arguments)
        if len(found) == count:
            break
    return list(found.values())


def _constants(source: str) -> tuple[list[float], list[str]]:
    """Return the numbers and the short texts of a module."""
    tree = ast.parse(source)
    texts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in texts]
    numbers = {value for value in values if isinstance(value, int | float) and abs(value) < 1e9}
    words = {value for value in values if isinstance(value, str) and 0 < len(value) <= 30}
    return sorted(numbers)[:_MAX_CONSTANTS], sorted(words)[:_MAX_CONSTANTS]


@dataclass
class _Maker:
    tool: ToolSpec
    numbers: Sequence[float]
    words: Sequence[str]
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        seed = hashlib.sha256(self.tool.name.encode()).digest()
        self.random = random.Random(seed)  # the same for the same tool

    def arguments(self, tries: int) -> Iterator[Arguments]:
        """Return the examples' arguments, then each property at its corners, then random changes."""
        examples = [dict(example.arguments) for example in self.tool.examples]
        yield from examples
        schemas: Mapping[str, Any] = self.tool.parameters.get("properties", {})
        corners = [
            {**example, name: value}
            for example in examples[:3]
            for name, schema in schemas.items()
            for value in self.corners(schema, example.get(name))
        ]
        self.random.shuffle(corners)
        for number in range(tries if examples else 0):
            if number % 2 and corners:
                yield corners.pop()
            else:
                yield self.changed(self.random.choice(examples), schemas, examples)

    def corners(self, schema: Any, value: Any) -> Iterator[Any]:
        """Return the values at which something may change."""
        kinds = _kinds(schema, value)
        if isinstance(schema, dict) and "enum" in schema:
            yield from schema["enum"]
        if "boolean" in kinds:
            yield from (True, False)
        if kinds & {"integer", "number"}:
            steps = (0, 1, -1) if "integer" in kinds else (0, 0.01, -0.01)
            for number in [0, *self.numbers, *(-each for each in self.numbers)]:
                yield from (int(number) + int(step) if "integer" in kinds else number + step for step in steps)
        if "string" in kinds:
            yield from ("", " ", *self.words)
        if "array" in kinds:
            yield []

    def changed(self, example: Arguments, schemas: Mapping[str, Any], examples: Sequence[Arguments]) -> Arguments:
        """Change one or two properties."""
        arguments = copy.deepcopy(example)
        for _ in range(self.random.choice((1, 1, 2))):
            name = self.random.choice([*schemas, *arguments] or [""])
            others = [each[name] for each in examples if name in each]
            optional = name not in self.tool.parameters.get("required", ())
            if name in arguments and optional and self.random.random() < 0.1:
                del arguments[name]
            elif name in arguments:
                arguments[name] = self.value(arguments[name], others)
            elif others:
                arguments[name] = self.value(self.random.choice(others), others)
        return arguments

    def value(self, value: Any, others: Sequence[Any]) -> Any:
        """Change a value a little, or take another one of its place."""
        if others and self.random.random() < 0.15:
            return copy.deepcopy(self.random.choice(others))
        match value:
            case bool():
                return not value
            case int():
                return self.number(value, integer=True)
            case float():
                return self.number(value, integer=False)
            case str():
                return self.text(value, [each for each in others if isinstance(each, str)])
            case list():
                return self.list(value, others)
            case dict():
                return self.object(value)
        return value

    def number(self, value: float, *, integer: bool) -> float:
        """Change a number."""
        near = self.random.choice([value, *self.numbers])
        step = self.random.choice((0, 1, -1) if integer else (0, 1, -1, 0.1, -0.01))
        half = value / 2 if abs(value) <= sys.float_info.max else value // 2
        found = self.random.choice((value + step, -value, value * 2, half, value * 10, near + step, near + step))
        return int(found) if integer else float(found)

    def text(self, value: str, others: Sequence[str]) -> str:
        """Change a text."""
        change = self.random.choice(_TEXT_CHANGES)
        return change(self.random, value, [*self.words, *others, " ", "\n", "0"])[:_MAX_TEXT]

    def list(self, value: list[Any], others: Sequence[Any]) -> list[Any]:
        """Change a list."""
        if not value:
            return copy.deepcopy(self.random.choice([*others, value]))
        place = self.random.randrange(len(value))
        match self.random.randrange(6):
            case 0:
                return value[:place] + value[place + 1 :]
            case 1:
                return [*value, copy.deepcopy(value[place])]
            case 2:
                return value[::-1]
            case 3:
                return self.random.sample(value, len(value))
        return [*value[:place], self.value(value[place], value), *value[place + 1 :]]

    def object(self, value: dict[str, Any]) -> dict[str, Any]:
        """Change one value of an object, or leave it out."""
        if not value:
            return value
        name = self.random.choice(list(value))
        if self.random.random() < 0.2:
            return {key: each for key, each in value.items() if key != name}
        return {**value, name: self.value(value[name], list(value.values()))}


def _kinds(schema: Any, value: Any) -> set[str]:
    """Return the JSON types that a property may have, as far as its schema or an example shows."""
    found = schema.get("type", []) if isinstance(schema, dict) else []
    kinds = {found} if isinstance(found, str) else set(found)
    by_example = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds or {by_example.get(type(value), "")}


_Change = Callable[[random.Random, str, Sequence[str]], str]


def _cut(chance: random.Random, value: str, _words: Sequence[str]) -> str:
    start = chance.randrange(len(value) + 1)
    return value[:start] + value[start + chance.choice((1, 1, 2, 5)) :]


def _insert(chance: random.Random, value: str, words: Sequence[str]) -> str:
    place = chance.choice((0, len(value), chance.randrange(len(value) + 1)))
    return value[:place] + chance.choice(words) + value[place:]


def _repeat(chance: random.Random, value: str, _words: Sequence[str]) -> str:
    start = chance.randrange(len(value) + 1)
    end = start + chance.choice((1, 2, 5, 20))
    return value[:end] + value[start:end] + value[end:]


def _count(chance: random.Random, value: str, _words: Sequence[str]) -> str:
    """Change a number in a text."""
    found = list(re.finditer(r"\d+", value))
    if not found:
        return value[::-1]
    match = chance.choice(found)
    number = int(match[0][:15])
    return (
        value[: match.start()]
        + str(chance.choice((number + 1, max(0, number - 1), 0, number * 10)))
        + value[match.end() :]
    )


def _lines(chance: random.Random, value: str, _words: Sequence[str]) -> str:
    """Leave out or repeat a line, or a word."""
    separator = "\n" if "\n" in value else " "
    pieces = value.split(separator)
    place = chance.randrange(len(pieces))
    return separator.join(pieces[:place] + (pieces[place : place + 1] * chance.choice((0, 2))) + pieces[place + 1 :])


def _case(chance: random.Random, value: str, _words: Sequence[str]) -> str:
    return chance.choice((value.upper(), value.lower(), value.swapcase(), f" {value} "))


def _other(chance: random.Random, _value: str, words: Sequence[str]) -> str:
    return chance.choice(words)


_TEXT_CHANGES: Sequence[_Change] = (_cut, _insert, _insert, _repeat, _count, _lines, _case, _other)
