"""Part of the check `schema`: looks for a value that one JSON Schema accepts and another refuses.

The search runs in a process of its own with bounds on time and memory: schemas come from models, and a pattern among
them may never end. It is the same each time it runs.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema
from jsonschema.protocols import Validator
from referencing import Registry

from agenthands._util.killable import UnfinishedError, killable
from agenthands.gate.checks.schema_spelling import definitions
from agenthands.gate.checks.schema_values import edge_values

CPU_SECONDS = 10
_RANDOM = 60  # values of each side
_DECIMAL = "^(?!^[-+.]*$)"  # how the pattern begins that some versions of pydantic show for the texts of a Decimal
_OF_A_URL = (("minLength", 1), ("maxLength", 2083))


@dataclass(frozen=True)
class Pair:
    """The schemas of one argument: as NAT shows it to a model, and as it was specified.

    Where a tool refuses values as an example of the specification says, it may be `stricter`.
    """

    name: str
    shown: Mapping[str, Any]
    specified: Mapping[str, Any]
    optional: bool = False
    stricter: bool = False


@dataclass(frozen=True)
class Telling:
    """A value of the argument `name` that one side takes: `accepted_by` the tool, or by the specification."""

    name: str
    value: Any
    accepted_by: str


TOOL, SPECIFICATION = "tool", "specification"


def telling_values(pairs: Sequence[Pair]) -> list[Telling] | None:
    """Return for each pair that can be told apart a value that does; None where the search did not end in time."""
    try:
        found = killable(f"{__name__}:tell_all_apart", [vars(pair) for pair in pairs], cpu_seconds=CPU_SECONDS)
    except (UnfinishedError, RuntimeError):  # what validators and generators raise for odd schemas has many names
        return None
    return [Telling(**each) for each in found]


def tell_all_apart(pairs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what tells pairs apart, both as JSON values: the part that runs in a process of its own."""
    from hypothesis.configuration import set_hypothesis_home_dir

    with tempfile.TemporaryDirectory(prefix="agenthands-schema-") as notes:  # else it leaves a folder where it runs
        set_hypothesis_home_dir(notes)
        return [vars(telling) for pair in pairs if (telling := tell_apart(Pair(**pair))) is not None]


def tell_apart(pair: Pair, *, random: int = _RANDOM) -> Telling | None:
    """Return a value that tells the two schemas of an argument apart; None where none was found.

    First the values at the edges of both are tried, then `random` ones of each (hypothesis-jsonschema).

    - null for an argument that may be left out says the same as leaving it out;
    - where the specification names the members of an object and does not say whether more may come, both are right;
    - a text for a number is how pydantic shows a Decimal.
    """
    found = None
    for kind in ("number", "string"):
        one = _shown_as(pair.shown, kind)
        if (found := _tell_apart(pair, one, random)) is None or one == pair.shown:
            return found
    return found


def _tell_apart(pair: Pair, shown: Mapping[str, Any], random: int) -> Telling | None:
    left_out = {"anyOf": [pair.specified, {"type": "null"}], **_definitions(pair.specified)}
    specified = _validator(_nullable(left_out if pair.optional else pair.specified))
    closed, tool = _validator(_closed(pair.specified)), _validator(shown)
    for value in _candidates((pair.specified, shown), random):
        if _accepts(tool, value) and not _accepts(specified, value):
            return Telling(pair.name, value, TOOL)
        if not pair.stricter and _accepts(closed, value) and not _accepts(tool, value):
            return Telling(pair.name, value, SPECIFICATION)
    return None


def _candidates(sides: Sequence[Mapping[str, Any]], random: int) -> Iterator[Any]:
    for schema in sides:
        yield from edge_values(schema, definitions(schema))
    for schema in sides if random else ():
        yield from _random_values(schema, random)


def _random_values(schema: Mapping[str, Any], most: int) -> list[Any]:
    """Return random values that a schema accepts, the same each time; none where they cannot be made."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis_jsonschema import from_schema

    found: list[Any] = []
    quiet = settings(max_examples=most, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
                     suppress_health_check=list(HealthCheck))  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:

            @quiet
            @given(from_schema(_as_draft_7(schema)))
            def collect(value: Any) -> None:
                found.append(value)

            collect()
        except Exception:
            return found  # the library raises many kinds for what it cannot read: the edges have to do
    return found


def _as_draft_7(node: Any) -> Any:
    """Write tuples and definitions as the library knows them, without formats, which are only hints."""
    if isinstance(node, list):
        return [_as_draft_7(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    names: dict[str, str] = {"$defs": "definitions", "prefixItems": "items"}
    skipped = {"format", "discriminator", "default", "examples", "title", "description"}
    tuple_items = isinstance(node.get("prefixItems"), list)
    result: dict[str, Any] = {}
    for key, value in node.items():
        if key == "$ref" and isinstance(value, str):
            result[key] = value.replace("#/$defs/", "#/definitions/")
        elif key in ("properties", "$defs", "definitions", "patternProperties") and isinstance(value, Mapping):
            result[names.get(str(key), str(key))] = {name: _as_draft_7(each) for name, each in value.items()}
        elif key in ("const", "enum"):
            result[key] = value
        elif key not in skipped:
            result["additionalItems" if key == "items" and tuple_items else names.get(str(key), str(key))] = (
                _as_draft_7(value)
            )
    return result


def _nullable(node: Any) -> Any:
    """Let null stand for every member that may be left out."""
    return _changed(node, _with_null)


def _with_null(node: dict[str, Any]) -> dict[str, Any]:
    properties, required = node.get("properties"), node.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, list):
        return node
    choices = {
        name: each if name in required else {"anyOf": [each, {"type": "null"}]} for name, each in properties.items()
    }
    return {**node, "properties": choices}


def _closed(node: Any) -> Any:
    """Refuse members that are not named, where nothing is said about them."""
    return _changed(node, _with_no_more)


def _with_no_more(node: dict[str, Any]) -> dict[str, Any]:
    is_silent = isinstance(node.get("properties"), dict) and node["properties"] and "additionalProperties" not in node
    joined = {"anyOf", "oneOf", "allOf", "$ref", "patternProperties", "unevaluatedProperties"} & node.keys()
    return {**node, "additionalProperties": False} if is_silent and not joined else node


def _shown_as(node: Any, kind: str) -> Any:
    """Take away what pydantic adds to a type by itself: the bounds of a URL, and the other form of a Decimal.

    A Decimal is read from numbers and from texts; `kind` is the form that counts.
    """

    def change(each: dict[str, Any]) -> dict[str, Any]:
        if each.get("format") == "uri":
            return {key: value for key, value in each.items() if (key, value) not in _OF_A_URL}
        choices = each.get("anyOf")
        texts = [one for one in choices or () if isinstance(one, dict) and _is_decimal_text(one)]
        numbers = [one for one in choices or () if isinstance(one, dict) and one.get("type") == "number"]
        if not texts or not numbers:
            return each
        kept = numbers if kind == "number" else [{"type": "string"}]
        others = [one for one in choices or () if one not in texts and one not in numbers]
        return {**each, "anyOf": [*kept, *others]}

    return _changed(node, change)


def _is_decimal_text(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "string" and str(schema.get("pattern", _DECIMAL)).startswith(_DECIMAL)


def _changed(node: Any, change: Any) -> Any:
    """Return a schema with each of its nodes changed, from the leaves up."""
    if isinstance(node, list):
        return [_changed(each, change) for each in node]
    if not isinstance(node, Mapping):
        return node
    result: dict[str, Any] = {}
    for key, value in node.items():
        if key in ("properties", "$defs", "definitions", "patternProperties") and isinstance(value, Mapping):
            result[key] = {name: _changed(each, change) for name, each in value.items()}
        else:
            result[key] = value if key in ("const", "enum", "default", "examples") else _changed(value, change)
    return change(result)


def _definitions(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: schema[key] for key in ("$defs", "definitions") if key in schema}


def _validator(schema: Mapping[str, Any]) -> Validator:
    return jsonschema.Draft202012Validator(dict(schema), registry=Registry())


def _accepts(validator: Validator, value: Any) -> bool:
    try:
        return validator.is_valid(value)
    except Exception:  # jsonschema raises many kinds for a schema that refers to nothing or to itself
        return False
