"""JSON Schemas that somebody else wrote: judged without a fault of ours, and without fetching anything.

jsonschema by itself fetches what a `$ref` names, from the network or from a file, and raises errors of many kinds
(RecursionError, re.error, OverflowError, ...) where a schema is odd. Here both are an answer: the schema is unusable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema.protocols import Validator
from referencing import Registry

_MOST = 50


def schema_fault(schema: Any) -> str:
    """Say why this is no JSON Schema; empty where it is one."""
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        return error.message[:300]
    except Exception as error:  # see above: of any kind
        return _unusable(error)
    return ""


def misfits(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    """Say where a value does not fit a schema, in words that begin with a path or are about the schema."""
    try:
        for error, _ in zip(_validator(schema).iter_errors(value), range(_MOST), strict=False):
            path = ".".join(map(str, error.absolute_path))
            yield f"{'.' + path if path else ''} does not fit the schema: {error.message[:300]}"
    except Exception as error:
        yield f": {_unusable(error)}"


def best_misfit(value: Any, schema: Mapping[str, Any]) -> str | None:
    """Say in one sentence why a value does not fit a schema; None where it fits."""
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
