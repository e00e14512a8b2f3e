"""Values made up from a description: its own examples where they fit, else from its schemas; the same each time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agenthands.openapi.document import CannotCompile, Document
from agenthands.openapi.shapes import kind_of

_OF_FORMAT = {
    "date": "2027-03-{:02d}", "date-time": "2027-03-{:02d}T09:00:00Z", "uuid": "00000000-0000-4000-8000-{:012d}",
    "email": "person{}@example.org", "uri": "https://example.org/{}", "url": "https://example.org/{}",
    "hostname": "host{}.example.org", "ipv4": "192.0.2.{}", "time": "09:00:{:02d}Z", "byte": "AAA{}",
}  # fmt: skip
_WIDEST, _DEEPEST = 40, 5


class Samples:
    """Makes values; the same `number` gives the same value, and another number another one where it can."""

    def __init__(self, document: Document) -> None:
        """Take the document that references lead into."""
        self._document = document
        self._left = 0

    def of(self, schema: Any, number: int, name: str = "value", *, sent: bool = False) -> Any:
        """Return a value of a schema; only what is required of an object that is `sent`."""
        self._left = 600
        return self._of(schema, number, name, 0, sent)

    def _of(self, schema: Any, number: int, name: str, depth: int, sent: bool) -> Any:
        self._left -= 1
        try:
            schema = self._document.resolved(schema)
        except CannotCompile:
            schema = {}
        if not isinstance(schema, Mapping):
            return None
        if isinstance(schema.get("allOf"), list):
            schema = self._joined(schema)
        if number <= 1 and depth <= _DEEPEST and (given := _given(schema)) is not None:
            return given
        for key in ("oneOf", "anyOf"):
            choices = schema.get(key)
            if isinstance(choices, list) and choices and "properties" not in schema:
                rest = [each for each in choices if not (isinstance(each, Mapping) and each.get("type") == "null")]
                return self._of(rest[0] if rest else {}, number, name, depth + 1, sent)
        return self._made(schema, number, name, depth, sent)

    def _made(self, schema: Mapping[str, Any], number: int, name: str, depth: int, sent: bool) -> Any:
        kind = kind_of(schema)
        if isinstance(schema.get("type"), list) and kind is None:
            kind = next((each for each in schema["type"] if each != "null"), None)
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return schema["enum"][(number - 1) % len(schema["enum"])]
        if kind == "object":
            return self._object(schema, number, depth, sent)
        if kind == "array":
            count = max(1, min(int(schema.get("minItems") or 1), 5))
            if depth > _DEEPEST or self._left < 0:
                return []
            return [self._of(schema.get("items") or {}, number + each, name, depth + 1, sent) for each in range(count)]
        if kind == "integer":
            return int(_between(schema, number))
        if kind == "number":
            return float(_between(schema, number)) + (0.5 if "maximum" not in schema else 0.0)
        if kind == "boolean":
            return number % 2 == 1
        return _text(schema, number, name) if kind in ("string", None) else None

    def _object(self, schema: Mapping[str, Any], number: int, depth: int, sent: bool) -> dict[str, Any]:
        properties = schema.get("properties") if isinstance(schema.get("properties"), Mapping) else {}
        required = schema.get("required") if isinstance(schema.get("required"), list) else []
        found: dict[str, Any] = {}
        for name, each in (properties or {}).items():
            if sent and name not in (required or []):
                continue
            if (depth > _DEEPEST or self._left < 0 or len(found) >= _WIDEST) and name not in (required or []):
                continue
            if depth > 2 * _DEEPEST:
                break
            found[str(name)] = self._of(each, number, str(name), depth + 1, sent)
        return found

    def _joined(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        whole: dict[str, Any] = {key: each for key, each in schema.items() if key != "allOf"}
        whole["properties"], whole["required"] = (
            dict(schema.get("properties") or {}),
            list(schema.get("required") or []),
        )
        for each in schema["allOf"][:50]:
            try:
                part = self._document.resolved(each)
            except CannotCompile:
                continue
            if isinstance(part, Mapping) and isinstance(part.get("allOf"), list) and len(whole["properties"]) < 400:
                part = self._joined(part)
            if isinstance(part, Mapping):
                whole["properties"] |= part.get("properties") or {}
                whole["required"] += part["required"] if isinstance(part.get("required"), list) else []
                rest = {key: it for key, it in part.items() if key not in ("properties", "required", "description")}
                whole = {**rest, **whole}
        if not whole["properties"]:
            del whole["properties"]
        return whole


def _given(schema: Mapping[str, Any]) -> Any:
    """Return the example that a schema has; None where it has none."""
    if "example" in schema:
        return schema["example"]
    examples = schema.get("examples")
    if isinstance(examples, list) and examples:
        return examples[0]
    return None


def _between(schema: Mapping[str, Any], number: int) -> float:
    low, high = schema.get("minimum"), schema.get("maximum")
    low = low if isinstance(low, int | float) else None
    high = high if isinstance(high, int | float) else None
    start = low if low is not None else (min(high, 1) if high is not None else 1)
    if schema.get("exclusiveMinimum") is True:
        start += 1
    value = start + number - (low is None)
    return min(value, high) if high is not None else value


def _text(schema: Mapping[str, Any], number: int, name: str) -> str:
    if pattern := _OF_FORMAT.get(str(schema.get("format"))):
        return pattern.format(number % 28 + 1 if "02d" in pattern else number)
    value = f"{name[:20]}-{number}"
    most, least = schema.get("maxLength"), schema.get("minLength")
    if isinstance(least, int) and least > len(value):
        value += "x" * (min(least, 500) - len(value))
    if isinstance(most, int) and len(value) > most >= 0:
        value = (str(number) + "x" * most)[:most]
    return value
