"""Reads JSON that a model or a program in a sandbox wrote: the result is strict JSON, or a ValueError.

Python's parser accepts NaN, infinite numbers and lone surrogates, which our files cannot hold, and raises
RecursionError if lists are nested too deeply.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agenthands._util.killable import UnfinishedError, killable

_DEEPEST = 100  # levels; what reads a value calls itself for each, and Python allows about a thousand calls
_MOST_DIGITS = 4000  # Python reads and writes 4,300
_RULES = "agenthands._util.schema_rules"


def read_json(text: str | bytes) -> Any:
    """Return the value. Raises ValueError; for a syntax error that is json.JSONDecodeError."""
    try:
        value = json.loads(text, parse_constant=_no_json)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return _shallow(value)


def read_scrubbed(text: bytes) -> Any:
    """Return the value of a sandbox's output; lone surrogates become `?`. Raises ValueError.

    An integer that has more digits than Python reads becomes a text that says so: one result does not cost the others.
    """
    try:
        value = json.loads(text, parse_int=_whole)
        return _shallow(json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace")))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else f"(an integer of {len(digits):,} digits)"


def _shallow(value: Any) -> Any:
    """Return a JSON value. Raises ValueError if it is nested more deeply than anybody needs."""
    level, depth = [value], 0
    while level := [each for node in level for each in _inside(node)]:
        if (depth := depth + 1) > _DEEPEST:
            raise ValueError("it is nested too deeply")
    return value


def _inside(node: Any) -> Any:
    return node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def has_half_characters(text: str) -> bool:
    """Return whether a text holds lone surrogates, as from stray bytes or JSON escapes, so UTF-8 cannot encode it."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def schema_fault(schema: Any) -> str:
    """Return why this is not a usable JSON Schema; empty if it is one."""
    try:
        return str(killable(f"{_RULES}:schema_fault", schema))
    except UnfinishedError as error:
        return f"the schema cannot be checked: {error}"


def regex_fault(pattern: str) -> str:
    """Return why this is not a usable regular expression; empty if it is one.

    Those of ECMA-262, as JSON Schema has them, are searched for in linear time. Look-around and back-references are
    evaluated too, but together with nested repetitions, as in `(?!x)(a+)+$`, they can take for ever.
    """
    try:
        return str(killable(f"{_RULES}:regex_fault", pattern))
    except UnfinishedError as error:
        return f"it cannot be used: {error}"


def regex_found(pattern: str, text: str) -> bool:
    """Return whether a pattern is found anywhere in a text; False also where looking for it takes too long."""
    try:
        return bool(killable(f"{_RULES}:found", pattern, text))
    except UnfinishedError:
        return False


def misfits(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """Return each mismatch between a value and a schema as text that begins with a path, or a fault of the schema."""
    try:
        return list(killable(f"{_RULES}:misfits", value, dict(schema)))
    except UnfinishedError as error:
        return [f": {_unfinished(error)}"]


def best_misfit(value: Any, schema: Mapping[str, Any]) -> str | None:
    """Return one sentence on why a value does not match a schema; None if it does."""
    try:
        found: str | None = killable(f"{_RULES}:best_misfit", value, dict(schema))
    except UnfinishedError as error:
        return _unfinished(error)
    return found


def _unfinished(error: UnfinishedError) -> str:
    return f"the value cannot be compared with the schema: {error}"
