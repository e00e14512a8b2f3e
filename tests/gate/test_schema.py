"""What NAT shows and what the specification says: equal in meaning, or named differences."""

from typing import Literal, Optional

import pytest
from pydantic import BaseModel, Field

from agenthands.gate.checks.schema import parameter_differences, result_complaint


class Point(BaseModel):
    x: float
    y: float = 0


class Shown(BaseModel):
    """Arguments."""

    count: int = Field(ge=1, le=9, description="How  many")
    name: str | None = None
    mode: Literal["fast", "slow"] = "fast"
    only: Literal["one"]
    points: list[Point]
    options: dict = {}
    mixed: int | str = 1


SPEC = {
    "type": "object",
    "required": ["only", "points", "count"],
    "properties": {
        "count": {"type": "integer", "minimum": 1, "maximum": 9, "description": "How many"},
        "name": {"type": "string"},
        "mode": {"enum": ["slow", "fast"], "default": "fast"},
        "only": {"const": "one"},
        "points": {
            "type": "array",
            "items": {"type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "number", "default": 0}},
                      "required": ["x"]},
        },
        "options": {"type": "object", "default": {}},
        "mixed": {"type": ["string", "integer"], "default": 1},
    },
}  # fmt: skip


def test_the_same_in_another_spelling_is_no_difference():
    assert parameter_differences(Shown.model_json_schema(), SPEC) == []


def change(path, value):
    """Return SPEC with one value changed."""
    import copy

    spec = copy.deepcopy(SPEC)
    node = spec["properties"]
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    return spec


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (change(["count", "maximum"], 10), "parameters.properties.count.maximum is 9; the specification says 10"),
        (change(["count", "description"], "Which"), "properties.count.description"),
        (change(["name", "type"], "integer"), 'name.type is "string"; the specification says "integer"'),
        (change(["mode", "default"], "slow"), "mode.default"),
        (change(["extra"], {"type": "string"}), "parameters.properties.extra is missing"),
        (
            change(["points", "items", "properties", "y", "default"], True),
            "y.default is 0; the specification says true",
        ),
        ({**SPEC, "required": ["count"]}, "parameters.required"),
        ({**SPEC, "properties": {}}, "properties.count is {"),
    ],
)
def test_each_difference_is_named(spec, said):
    assert any(said in each for each in parameter_differences(Shown.model_json_schema(), spec))


def test_a_null_that_means_something_counts():
    class Nullable(BaseModel):
        name: Optional[str]  # noqa: UP045

    spec = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    assert parameter_differences(Nullable.model_json_schema(), spec)


def test_results_are_compared_with_returns():
    returns = {"type": "object", "properties": {"sum": {"type": "number"}}, "required": ["sum"]}
    assert result_complaint({"sum": 1.5}, returns) is None
    assert result_complaint({"sum": "1.5"}, returns) == "$.sum: '1.5' is not of type 'number'"
