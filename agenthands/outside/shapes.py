"""The shape of JSON: which fields there are, of which types; and in what two shapes differ. Values do not count."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

_DEEPEST = 30
_DATA_KEY = re.compile(r"[\d:./T+-]+Z?|[0-9a-fA-F-]{16,}")
_ANY = "*"
DifferenceCode = Literal["missing_field", "new_field", "type"]


@dataclass
class Shape:
    """Values at one place: their types, the fields of objects with how many had each, and what lists hold."""

    types: set[str] = field(default_factory=set)
    objects: int = 0
    fields: dict[str, tuple[Shape, int]] = field(default_factory=dict)
    items: Shape | None = None

    @property
    def said(self) -> str:
        """The types in words."""
        return " or ".join(sorted(self.types)) or "nothing"


@dataclass(frozen=True)
class Difference:
    """One difference at a place such as `$.days[].wind`; both sides are types in words."""

    code: DifferenceCode
    place: str
    recorded: str
    real: str

    @property
    def breaks(self) -> bool:
        """Whether a tool that reads what is recorded may fail on it: a new field is only not known."""
        return self.code != "new_field"


def shape_of(values: Sequence[Any], depth: int = 0) -> Shape:
    """Return the shape that these values have together."""
    shape = Shape()
    inside: dict[str, list[Any]] = {}
    listed: list[Any] = []
    for value in values:
        shape.types.add(_type(value))
        if isinstance(value, dict):
            shape.objects += 1
            by_data = len(value) > 0 and all(_DATA_KEY.fullmatch(key) for key in value)
            for key, each in value.items():
                inside.setdefault(_ANY if by_data else key, []).append(each)
        elif isinstance(value, list):
            listed += value
    if depth < _DEEPEST:
        shape.fields = {key: (shape_of(each, depth + 1), len(each)) for key, each in inside.items()}
        shape.items = shape_of(listed, depth + 1) if listed else None
    return shape


def differences(recorded: Shape, real: Shape, place: str = "$") -> Iterator[Difference]:
    """Yield in what a real shape differs from a recorded one. What only one side could show is no difference."""
    if not recorded.types <= {"nothing"} and not real.types <= recorded.types:
        yield Difference("type", place, recorded.said, real.said)
    if recorded.objects and real.objects:
        yield from _of_fields(recorded, real, place)
    if recorded.items and real.items:
        yield from differences(recorded.items, real.items, f"{place}[]")


def _of_fields(recorded: Shape, real: Shape, place: str) -> Iterator[Difference]:
    for name, (shape, times) in recorded.fields.items():
        there, real_times = real.fields.get(name, (None, 0))
        always = times >= recorded.objects
        if there is None and always and name != _ANY:
            yield Difference("missing_field", f"{place}.{name}", shape.said, "nothing")
        elif there and name != _ANY and always and real_times < real.objects:
            yield Difference("missing_field", f"{place}.{name}", shape.said, f"{there.said}, sometimes nothing")
        if there:
            yield from differences(shape, there, f"{place}.{name}")
    for name, (shape, _) in real.fields.items():
        if name not in recorded.fields and name != _ANY:
            yield Difference("new_field", f"{place}.{name}", "nothing", shape.said)


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "list" if isinstance(value, list) else "object"
