"""Schemas of a description as a tool shows them: a part of JSON Schema, no references, bounded depth and number."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any, Literal

from agenthands.openapi.document import DANGLING, CannotCompile, Document

Side = Literal["sent", "answered"]
_SCALARS = ("string", "integer", "number", "boolean")
_MOST_CHOICES = 100
_MOST_VALUES = 400
"""Schemas that one operation may show, so that no description makes a tool of a megabyte."""
LONGEST_ABOUT = 300
_KEYS = {"string": ("minLength", "maxLength"), "array": ("minItems", "maxItems"), "number": ("minimum", "maximum")}
_KEYS["integer"] = _KEYS["number"]


def about(text: Any, longest: int = LONGEST_ABOUT) -> str:
    """Return a description as one line of plain text, without markup, cut where it is long."""
    plain = html.unescape(re.sub(r"</?[A-Za-z][^<>]*>", " ", str(text or "")))
    plain = re.sub(r"!?\[([^\[\]]*)\]\([^()]*\)", r"\1", plain)
    plain = " ".join("".join(each if each.isprintable() else " " for each in plain.replace("`", "'")).split())
    return plain if len(plain) <= longest else f"{plain[: longest - 1].rstrip()}…"


class Shapes:
    """Simplifies the schemas of one operation; `notes` says what was lost on the way."""

    def __init__(self, document: Document) -> None:
        """Begin with nothing shown."""
        self._document = document
        self._left = _MOST_VALUES
        self.notes: set[str] = set()

    def of(self, schema: Any, side: Side, depth: int = 3) -> dict[str, Any]:
        """Return what a schema accepts, in fewer words; `depth` is how many objects may lie in one another.

        What is left out accepts more than before, never less: choices between objects and what lies deeper are open.
        """
        return self._of(schema, side, depth, ())

    def _of(self, schema: Any, side: Side, depth: int, above: tuple[str, ...]) -> dict[str, Any]:
        self._left -= 1
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if isinstance(reference, str):
            if reference in above:
                self.notes.add("circular reference cut")
                return {"type": "object"} if side == "sent" else {}
            above = (*above, reference)
        schema = self._resolved(schema)
        if not isinstance(schema, Mapping) or self._left < 0:
            return {}
        schema, above = self._merged(schema, above)
        found = self._typed(schema, side, depth, above)
        if text := about(schema.get("description") or schema.get("title") if side == "sent" else ""):
            found["description"] = text
        return found

    def _resolved(self, schema: Any) -> Any:
        """Return a schema with its references followed; one that leads nowhere accepts anything."""
        try:
            return self._document.resolved(schema)
        except CannotCompile as error:
            if error.kind != DANGLING:
                raise
            self.notes.add(DANGLING)
            return {}

    def _merged(self, schema: Mapping[str, Any], above: tuple[str, ...]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """Return a schema without `allOf`, and without a choice where only one member is more than null."""
        for _ in range(8):
            if isinstance(schema.get("allOf"), list):
                schema = self._all_of(schema)
                continue
            choices = schema.get("oneOf") or schema.get("anyOf")
            rest = [each for each in choices if not self._is_null(each)] if isinstance(choices, list) else []
            if len(rest) != 1:
                break
            outer = {key: each for key, each in schema.items() if key not in ("oneOf", "anyOf")}
            reference = rest[0].get("$ref") if isinstance(rest[0], Mapping) else None
            if isinstance(reference, str):
                if reference in above:
                    return {"type": "object"}, above
                above = (*above, reference)
            inner = self._resolved(rest[0])
            schema = {**(inner if isinstance(inner, Mapping) else {}), **outer}
        return schema, above

    def _is_null(self, schema: Any) -> bool:
        return isinstance(schema, Mapping) and (schema.get("type") == "null" or schema.get("enum") == [None])

    def _all_of(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        whole: dict[str, Any] = {}
        properties: dict[str, Any] = {}
        required: list[str] = []
        for each in [*schema["allOf"][:50], {key: it for key, it in schema.items() if key != "allOf"}]:
            part = self._resolved(each)
            if isinstance(part, Mapping) and isinstance(part.get("allOf"), list) and len(properties) < _MOST_VALUES:
                part = self._all_of(part)
            if not isinstance(part, Mapping):
                continue
            properties |= part.get("properties") or {}
            required += [str(name) for name in part.get("required") or [] if isinstance(part.get("required"), list)]
            whole |= {key: it for key, it in part.items() if key not in ("properties", "required", "allOf")}
        if properties:
            whole |= {"properties": properties, "required": required, "type": "object"}
        return whole

    def _typed(self, schema: Mapping[str, Any], side: Side, depth: int, above: tuple[str, ...]) -> dict[str, Any]:
        kind = kind_of(schema)
        if "const" in schema:
            schema = {**schema, "enum": [schema["const"]]}
        if isinstance(schema.get("enum"), list) and side == "sent":
            choices = [each for each in dict.fromkeys(map(_hashable, schema["enum"])) if each is not None]
            if kind in (None, "string") and choices and all(isinstance(each, str) for each in choices):
                return {"type": "string", **({"enum": choices} if len(choices) <= _MOST_CHOICES else {})}
            if kind == "integer" and choices and all(type(each) is int for each in choices):
                return {"type": "integer", **({"enum": choices} if len(choices) <= _MOST_CHOICES else {})}
        if kind == "array":
            items = self._of(schema.get("items") or {}, side, depth, above)
            bounds = _bounds(schema, "array") if side == "sent" else {}
            return {"type": "array", "items": items, **bounds}
        if kind == "object":
            return self._object(schema, side, depth, above)
        if kind in _SCALARS:
            return {"type": kind, **(_bounds(schema, kind) if side == "sent" else {})}
        if isinstance(schema.get("oneOf") or schema.get("anyOf"), list):
            return self._choice(schema, side)
        return {}

    def _choice(self, schema: Mapping[str, Any], side: Side) -> dict[str, Any]:
        """Return the type that all members of a choice share; anything where they share none."""
        kinds = set()
        choices: list[Any] = schema.get("oneOf") or schema.get("anyOf") or []
        for each in choices[:50]:
            try:
                inner = self._resolved(each)
            except CannotCompile:
                inner = {}
            if not self._is_null(inner):
                kinds.add(kind_of(inner) if isinstance(inner, Mapping) else None)
        self.notes.add("choice left open")
        if len(kinds) == 1 and (kind := kinds.pop()) in (*_SCALARS, "object") and side == "sent":
            return {"type": kind}
        return {}

    def _object(self, schema: Mapping[str, Any], side: Side, depth: int, above: tuple[str, ...]) -> dict[str, Any]:
        properties = schema.get("properties")
        unseen = "readOnly" if side == "sent" else "writeOnly"
        if not isinstance(properties, Mapping) or not properties or depth <= 0:
            return {"type": "object"}
        shown, all_required = {}, schema.get("required") if isinstance(schema.get("required"), list) else []
        for name, each in properties.items():
            if self._left < 0:
                break
            inner = self._resolved(each)
            if isinstance(inner, Mapping) and inner.get(unseen) is True:
                continue
            shown[str(name)] = self._of(each, side, depth - 1, above)
        required = [name for name in shown if name in (all_required or [])]
        whole = {"type": "object", "properties": shown}
        return {**whole, "required": required} if required and side == "sent" else whole


def or_null(shape: Any, *, outermost: bool = True) -> Any:
    """Return the shape of an answer whose members may all be null: APIs say so more often than descriptions do."""
    if not isinstance(shape, Mapping):
        return shape
    found = dict(shape)
    if isinstance(found.get("properties"), Mapping):
        found["properties"] = {name: or_null(each, outermost=False) for name, each in found["properties"].items()}
    if isinstance(found.get("items"), Mapping):
        found["items"] = or_null(found["items"], outermost=False)
    if isinstance(found.get("type"), str) and not outermost:
        found["type"] = [found["type"], "null"]
    return found


def kind_of(schema: Mapping[str, Any]) -> str | None:
    """Return the one type of a schema, null aside; None where it has several or says none."""
    kinds = schema.get("type")
    if isinstance(kinds, list):
        rest = [each for each in kinds if each != "null"]
        kinds = rest[0] if len(rest) == 1 else None
    if kinds is None and isinstance(schema.get("properties"), Mapping) and "oneOf" not in schema:
        return "object"
    if kinds is None and "items" in schema:
        return "array"
    return kinds if isinstance(kinds, str) else None


def _hashable(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _bounds(schema: Mapping[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, float] = {}
    for key in _KEYS.get(kind, ()):
        value = schema.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
            whole = kind == "integer" or (key.startswith(("min", "max")) and key not in ("minimum", "maximum"))
            if whole and value == int(value):
                found[key] = int(value)
            elif not whole:
                found[key] = value
    low, high = (found.get(key) for key in _KEYS.get(kind, ("", "")))
    return {} if low is not None and high is not None and low > high else found
