"""The classes in which a compiled tool takes its arguments, so that NAT shows the schema that was specified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agenthands.openapi.names import argument_name

_BOUNDS = {
    "minLength": "min_length", "maxLength": "max_length", "minItems": "min_length", "maxItems": "max_length",
    "minimum": "ge", "maximum": "le",
}  # fmt: skip
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


@dataclass
class Model:
    """A class with its fields, each as one line of code."""

    name: str
    fields: list[str] = field(default_factory=list)


def models_of(parameters: Mapping[str, Any], class_name: str) -> tuple[list[Model], set[str]]:
    """Return the classes of a schema of arguments, the outermost last, and what they take from `typing`."""
    writer = _Writer(class_name)
    writer.model(parameters, f"{class_name}Input")
    return writer.models, writer.typing


class _Writer:
    """Writes classes; those inside of others come first."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.models: list[Model] = []
        self.typing: set[str] = set()

    def model(self, schema: Mapping[str, Any], name: str) -> str:
        taken = {each.name for each in self.models} | {f"{self._prefix}Config"}  # that of the tool
        named, number = name, 2
        while named in taken:
            named, number = f"{name}{number}", number + 1
        found, names = Model(named), set[str]()
        self.models.append(found)
        for key, each in schema.get("properties", {}).items():
            attribute = argument_name(key, names) if name != f"{self._prefix}Input" else key
            names.add(attribute)
            found.fields.append(self._field(attribute, key, each, key in schema.get("required", [])))
        self.models.remove(found)
        self.models.append(found)
        return named

    def _field(self, attribute: str, key: str, schema: Mapping[str, Any], required: bool) -> str:
        kind = self._type(schema, key)
        more = [f"alias={key!r}"] if attribute != key else []
        more += [f"description={schema['description']!r}"] if schema.get("description") else []
        if required:
            return f"{attribute}: {self._bound(kind, schema)}{f' = Field({", ".join(more)})' if more else ''}"
        bound = self._bound(kind, schema)
        optional = bound if kind == "Any" else f"{bound} | None"
        return f"{attribute}: {optional} = Field({', '.join(['None', *more])})"

    def _bound(self, kind: str, schema: Mapping[str, Any]) -> str:
        bounds = [f"{_BOUNDS[key]}={schema[key]!r}" for key in _BOUNDS if key in schema]
        if not bounds:
            return kind
        self.typing.add("Annotated")
        return f"Annotated[{kind}, Field({', '.join(bounds)})]"

    def _type(self, schema: Mapping[str, Any], name: str) -> str:
        if "enum" in schema:
            self.typing.add("Literal")
            return f"Literal[{', '.join(map(repr, schema['enum']))}]"
        kind = schema.get("type")
        if kind == "array":
            return f"list[{self._item(schema.get('items') or {}, name)}]"
        if kind == "object" and schema.get("properties"):
            words = "".join(part.capitalize() for part in argument_name(name, ()).split("_"))
            return self.model(schema, f"{self._prefix}{words}"[:80])
        if kind == "object":
            return "dict[str, Any]"
        return _TYPES.get(str(kind), "Any")

    def _item(self, schema: Mapping[str, Any], name: str) -> str:
        kind = self._type(schema, name)
        more = [f"{_BOUNDS[key]}={schema[key]!r}" for key in _BOUNDS if key in schema]
        more += [f"description={schema['description']!r}"] if schema.get("description") else []
        if not more:
            return kind
        self.typing.add("Annotated")
        return f"Annotated[{kind}, Field({', '.join(more)})]"
