"""Reads JSON that a model or a program in a sandbox wrote: the result is strict JSON, or a ValueError.

Python's parser accepts NaN, infinite numbers and lone surrogates, which our files cannot hold, and raises
RecursionError if lists are nested too deeply.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema.protocols import Validator
from referencing import Registry


def read_json(text: str | bytes) -> Any:
    """Return the value. Raises ValueError; for a syntax error that is json.JSONDecodeError."""
    try:
        value = json.loads(text, parse_constant=_no_json)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def read_scrubbed(text: bytes) -> Any:
    """Return the value of a sandbox's output; lone surrogates become `?`. Raises ValueError."""
    try:
        value = json.loads(text)
        return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def has_half_characters(text: str) -> bool:
    """Return whether a text holds lone surrogates, as from stray bytes or JSON escapes, so UTF-8 cannot encode it."""
    return any("\ud800" <= character <= "\udfff" for character in text)


_MOST = 50
_MANY = 100  # this many repetitions count as unbounded


def schema_fault(schema: Any) -> str:
    """Return why this is not a usable JSON Schema; empty if it is one."""
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
        for pattern in _patterns(schema):
            if fault := regex_fault(pattern):
                return f"{pattern!r}: {fault}"
    except jsonschema.SchemaError as error:
        return error.message[:300]
    except Exception as error:  # jsonschema raises many kinds for a broken schema
        return _unusable(error)
    return ""


def regex_fault(pattern: str) -> str:
    """Return why this is not a usable regular expression; empty if it is one.

    Nested unbounded repetitions, as in `(a+)+$`, can take forever when they do not match, and Python cannot be
    interrupted meanwhile.
    """
    try:
        parsed = re._parser.parse(pattern)  # type: ignore[attr-defined]
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"it is no regular expression: {error}"
    return "it repeats a repetition without end, which can take for ever" if _endless(parsed, False) else ""


def _endless(node: Any, repeated: bool) -> bool:
    """Return whether an unbounded repetition contains another."""
    if isinstance(node, tuple) and len(node) == 2 and str(node[0]) in ("MAX_REPEAT", "MIN_REPEAT"):
        _, most, inner = node[1]
        unbounded = most >= _MANY
        return (unbounded and repeated) or _endless(inner, repeated or unbounded)
    if isinstance(node, list | tuple | re._parser.SubPattern):  # type: ignore[attr-defined]
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


def misfits(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield each mismatch between a value and a schema as text that begins with a path, or a fault of the schema."""
    try:
        for error, _ in zip(_validator(schema).iter_errors(value), range(_MOST), strict=False):
            path = ".".join(map(str, error.absolute_path))
            yield f"{'.' + path if path else ''} does not fit the schema: {error.message[:300]}"
    except Exception as error:
        yield f": {_unusable(error)}"


def best_misfit(value: Any, schema: Mapping[str, Any]) -> str | None:
    """Return one sentence on why a value does not match a schema; None if it does."""
    try:
        error = jsonschema.exceptions.best_match(_validator(schema).iter_errors(value))
    except Exception as problem:
        return _unusable(problem)
    return f"{error.json_path}: {error.message[:300]}" if error else None


def _validator(schema: Mapping[str, Any]) -> Validator:
    return jsonschema.Draft202012Validator(dict(schema), registry=Registry())


def _unusable(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "the schema refers to itself without end, or is nested too deeply"
    said = " ".join(str(error).split())[:200]
    return f"the schema cannot be used, or refers to something that is not in it: {type(error).__name__}: {said}"
