"""Evaluates JSON Schemas and patterns that a model or a server wrote. Called through `killable` alone.

Patterns are ECMA-262's, as JSON Schema says. The regex engine of Rust, which jsonschema-rs translates them for, takes
time that is linear in the text (Cox, "Regular Expression Matching Can Be Simple And Fast", 2007); it knows neither
look-around nor back-references, for which Python's engine is asked, and killed where it does not end.
A schema is never fetched: what it refers to is in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

import jsonschema
import jsonschema_rs
from jsonschema.exceptions import ValidationError, best_match
from referencing import Registry

_KEYWORDS = jsonschema.Draft202012Validator.VALIDATORS
_MOST = 50
_DOT_TAKES_LINES = re.compile(r"\(\?[a-zA-Z]*s")  # the flag s of Python's patterns
_MANY = 100  # this many repetitions count as unbounded
_DEEPEST = 60  # levels; each takes several frames of Python, and a person reads no more than ten
_MOST_PARTS = 20_000
_MOST_MESSAGE = 300


class PatternError(ValueError):
    """A text is no regular expression, or one that may take for ever."""


def schema_fault(schema: Any) -> str:
    """Return why this is not a usable JSON Schema; empty if it is one."""
    if fault := _size_fault(schema):
        return fault
    try:
        jsonschema.Draft202012Validator.check_schema(schema, format_checker=jsonschema.FormatChecker(()))
        for pattern in _patterns(schema):
            if fault := regex_fault(pattern):
                return f"{pattern!r}: {fault}"[:_MOST_MESSAGE]
    except jsonschema.SchemaError as error:
        return error.message[:_MOST_MESSAGE]
    except MemoryError:
        raise
    except Exception as error:  # jsonschema raises many kinds for a broken schema
        return _unusable(error)
    return ""


def regex_fault(pattern: str) -> str:
    """Return why this is not a usable regular expression; empty if it is one."""
    try:
        _finder(pattern)
    except PatternError as error:
        return str(error)
    return ""


def found(pattern: str, text: str) -> bool:
    """Return whether a pattern matches anywhere in a text. Raises PatternError."""
    return _finder(pattern)(text)


def misfits(value: Any, schema: dict[str, Any]) -> list[str]:
    """Return each mismatch between a value and a schema as text that begins with a path, or a fault of the schema."""
    try:
        errors = [error for error, _ in zip(_validator(schema).iter_errors(value), range(_MOST), strict=False)]
    except MemoryError:
        raise
    except Exception as error:
        return [f": {_unusable(error)}"]
    paths = [".".join(map(str, error.absolute_path)) for error in errors]
    return [
        f"{'.' + path if path else ''} does not fit the schema: {error.message[:_MOST_MESSAGE]}"
        for path, error in zip(paths, errors, strict=True)
    ]


def best_misfit(value: Any, schema: dict[str, Any]) -> str | None:
    """Return one sentence on why a value does not match a schema; None if it does."""
    try:
        error = best_match(_validator(schema).iter_errors(value))
    except MemoryError:
        raise
    except Exception as problem:
        return _unusable(problem)
    return f"{error.json_path}: {error.message[:_MOST_MESSAGE]}" if error else None


def _size_fault(schema: Any) -> str:
    """Return why a schema is larger than anybody needs, looking at no more of it than that takes."""
    waiting, parts = [(schema, 0)], 0
    while waiting:
        node, depth = waiting.pop()
        parts += 1
        if depth > _DEEPEST:
            return f"it is nested too deeply, in more than {_DEEPEST} levels"
        if parts > _MOST_PARTS:
            return f"it is too large, with more than {_MOST_PARTS:,} parts"
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        waiting.extend((each, depth + 1) for each in inner)
    return ""


@lru_cache(256)
def _finder(pattern: str) -> Callable[[str], bool]:
    """Return what tells whether a pattern matches anywhere in a text. Raises PatternError."""
    if _DOT_TAKES_LINES.search(pattern):  # the linear engine ignores that, as ECMA-262 has no such flag in a pattern
        return _backtracking(pattern)
    try:
        linear = jsonschema_rs.Draft202012Validator(
            {"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions()
        ).is_valid
    except (jsonschema_rs.ValidationError, UnicodeEncodeError):
        return _backtracking(pattern)

    def find(text: str) -> bool:
        try:
            return bool(linear(text))
        except UnicodeEncodeError:  # half a character matches nothing but a dot, nor does this
            return bool(linear(text.encode(errors="replace").decode()))

    return find


def _backtracking(pattern: str) -> Callable[[str], bool]:
    """Return Python's own search, for what the linear engine cannot do. Raises PatternError."""
    try:
        parsed = re._parser.parse(pattern)
        search = re.compile(pattern).search
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"it is no regular expression: {error}") from None
    if _endless(parsed, False):
        raise PatternError(
            "it repeats a repetition without end, and looks around or back, or has the flag s, which together can take "
            "for ever"
        )
    return lambda text: search(text) is not None


def _endless(node: Any, repeated: bool) -> bool:
    """Return whether an unbounded repetition contains another."""
    if isinstance(node, tuple) and len(node) == 2 and str(node[0]) in ("MAX_REPEAT", "MIN_REPEAT"):
        _, most, inner = node[1]
        unbounded = most >= _MANY
        return (unbounded and repeated) or _endless(inner, repeated or unbounded)
    if isinstance(node, list | tuple | re._parser.SubPattern):
        return any(_endless(each, repeated) for each in node)
    return False


def _patterns(schema: Any) -> Iterator[str]:
    for key, value in schema.items() if isinstance(schema, dict) else ():
        if key == "pattern" and isinstance(value, str):
            yield value
        if key == "patternProperties" and isinstance(value, dict):
            yield from value
    for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _patterns(each)


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not found(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: dict[str, Any], instance: Any, _: Any) -> Iterator[ValidationError]:
    for pattern, schema in patterns.items() if isinstance(instance, dict) else ():
        for name, value in instance.items():
            if found(pattern, name):
                yield from validator.descend(value, schema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict) and "patternProperties" in schema:
        patterns = schema["patternProperties"]
        instance = {name: value for name, value in instance.items() if not any(found(each, name) for each in patterns)}
        schema = {name: value for name, value in schema.items() if name != "patternProperties"}
    yield from _KEYWORDS["additionalProperties"](validator, wanted, instance, schema)


def _multiple_of(_: Any, step: Any, instance: Any, __: Any) -> Iterator[ValidationError]:
    """Divide as the numbers are written: 19.99 is a multiple of 0.01, though not as floats."""
    if isinstance(instance, bool) or not isinstance(instance, int | float):
        return
    if (Fraction(repr(instance)) / Fraction(repr(step))).denominator != 1:
        yield ValidationError(f"{instance!r} is not a multiple of {step!r}")


def _unique_items(_: Any, wanted: bool, instance: Any, __: Any) -> Iterator[ValidationError]:
    """Compare by JSON's equality in one pass; jsonschema compares each with each."""
    if wanted and isinstance(instance, list) and len({_equal_form(each) for each in instance}) < len(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")


def _equal_form(value: Any) -> str:
    """Return the same text for values that JSON Schema calls equal: 1 and 1.0 are, 1 and true are not."""
    return json.dumps(_plain_numbers(value), sort_keys=True)


def _plain_numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain_numbers(each) for each in value]
    return {name: _plain_numbers(each) for name, each in value.items()} if isinstance(value, dict) else value


# `unevaluatedProperties` looks at patterns with Python's engine still, and is killed where that does not end.
_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "multipleOf": _multiple_of,
        "uniqueItems": _unique_items,
    },
)


def _validator(schema: dict[str, Any]) -> Any:
    return _Validator(schema, registry=Registry())


def _unusable(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "the schema refers to itself without end, or is nested too deeply"
    said = " ".join(str(error).split())[:200]
    return f"the schema cannot be used, or refers to something that is not in it: {type(error).__name__}: {said}"
