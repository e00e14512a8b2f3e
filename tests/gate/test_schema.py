"""What NAT shows and what the specification says: the same values, or a value that tells them apart."""

import datetime
import enum
import time
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import pytest
from patience import patient
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, PositiveInt, create_model

from agenthands.gate.checks import schema_search
from agenthands.gate.checks.schema import ignored_defaults, parameter_differences, result_complaint
from agenthands.gate.checks.schema_search import tell_apart
from agenthands.gate.checks.schema_spelling import same_value
from agenthands.gate.checks.schema_values import edge_values
from agenthands.schemas import ToolSpec


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


def here(pairs):
    """Look for values in this process: nothing in these schemas takes long."""
    return [found for pair in pairs if (found := tell_apart(pair)) is not None]


def differences(shown, specified, refused=()):
    return parameter_differences(shown, specified, refused, search=here)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (change(["count", "maximum"], 10), "parameters.count: the specification accepts 10, the tool refuses it."),
        (change(["count", "minimum"], 2), "parameters.count: the tool accepts 1, the specification refuses it."),
        (change(["count", "description"], "Which"), 'count: a model is not shown the description "Which"'),
        (change(["name", "type"], "integer"), "parameters.name: the "),
        (change(["mode", "default"], "slow"), 'parameters.mode.default is "fast"; the specification says "slow"'),
        (
            change(["mode", "enum"], ["fast", "slow", "never"]),
            'mode: the specification accepts "never", the tool refuses',
        ),
        (change(["extra"], {"type": "string"}), "parameters.extra is missing"),
        (
            change(["points", "items", "properties", "y", "default"], True),
            "parameters.points[].y.default is 0; the specification says true",
        ),
        (change(["points", "items", "required"], ["x", "y"]), 'points: the tool accepts [{"x": 0}], the specification'),
        (change(["points", "maxItems"], 3), "parameters.points: the tool accepts ["),
        (change(["mixed", "type"], ["string", "integer", "null"]), "mixed: the specification accepts null, the tool"),
        (
            {**SPEC, "required": ["count"]},
            "parameters.required: points is required; in the specification",
        ),
        ({**SPEC, "properties": {}}, "parameters.count is not in the specification"),
        ({**SPEC, "additionalProperties": False}, 'ConfigDict(extra="forbid")'),
        ({**SPEC, "not": {"required": ["name"]}}, "parameters: the tool accepts {"),
    ],
)
def test_each_difference_is_named(spec, said):
    found = differences(Shown.model_json_schema(), spec)
    assert any(said in each for each in found), found


class Color(str, enum.Enum):  # noqa: UP042 - as tools write it
    RED = "red"
    BLUE = "blue"


class Place(TypedDict):
    x: float
    y: float


class Pixel(NamedTuple):
    x: int
    y: int


class Node(BaseModel):
    name: str
    children: list["Node"] = []


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    x: float


NODE = {"type": "object", "properties": {"name": {"type": "string"},
        "children": {"type": "array", "items": {"$ref": "#/$defs/N"}}}, "required": ["name"]}  # fmt: skip
CAT = {"type": "object", "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}},
       "required": ["kind", "lives"]}  # fmt: skip
X = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}
TEXTS = {"type": "array", "items": {"type": "string"}}
DOG = {"type": "object", "properties": {"kind": {"enum": ["dog"]}, "tricks": TEXTS}, "required": ["tricks", "kind"]}
PAIR = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
SAME = {
    "default_factory": (list[str], Field(default_factory=list), {**TEXTS, "default": []}),
    "default_factory, unsaid": (list[str], Field(default_factory=list), TEXTS),
    "a default, unsaid": (list[str], [], TEXTS),
    "5 and 5.0": (float, 5.0, {"type": "number", "default": 5}),
    "null for left out": (str | None, None, {"type": "string"}),
    "null on both sides": (int | None, None, {"type": ["integer", "null"]}),
    "null and a default": (int | None, None, {"type": "integer", "default": 2}),
    "null in an enum": (Literal["a", "b"] | None, None, {"type": ["string", "null"], "enum": ["a", "b", None]}),
    "required null": (float | None, ..., {"anyOf": [{"type": "null"}, {"type": "number"}]}),
    "enum": (Color, Color.RED, {"type": "string", "enum": ["blue", "red"], "default": "red"}),
    "literal": (Literal[1, 2], 1, {"type": "integer", "enum": [1, 2], "default": 1}),
    "int and float": (int | float, ..., {"type": "number"}),
    "float and int": (float | int, ..., {"type": ["integer", "number"]}),
    "oneOf": (str | int, ..., {"oneOf": [{"type": "string"}, {"type": "integer"}]}),
    "union in another order": (str | list[str], ..., {"anyOf": [TEXTS, {"type": "string"}]}),
    "tuple": (tuple[float, float], ..., PAIR),
    "prefixItems": (tuple[float, float], ..., {"type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}],
                                             "items": False, "minItems": 2}),
    "list of two": (Annotated[list[float], Field(min_length=2, max_length=2)], ..., PAIR),
    "named tuple": (Pixel, ..., {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}),
    "set": (set[str], ..., {**TEXTS, "uniqueItems": True}),
    "mapping": (dict[str, Any], ..., {"type": "object", "additionalProperties": {}}),
    "mapping of numbers": (dict[str, float], ..., {"type": "object", "additionalProperties": {"type": "number"}}),
    "anything": (Any, ..., {"title": "Any value"}),
    "anything in a list": (list[Any], ..., {"type": "array", "items": True}),
    "date": (datetime.date, ..., {"type": "string"}),
    "text for a date": (str, ..., {"type": "string", "format": "date"}),
    "URL": (AnyUrl, ..., {"type": "string", "format": "uri"}),
    "number for Decimal": (Decimal, Decimal("0.19"), {"type": "number", "default": 0.19}),
    "text for Decimal": (Decimal, ..., {"type": "string"}),
    "typed dict": (Place, ..., {"type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
                                "required": ["y", "x"]}),
    "no more members": (Strict, ..., {**X, "additionalProperties": False}),
    "no more members, unsaid": (Strict, ..., X),
    "gt=0": (PositiveInt, ..., {"type": "integer", "minimum": 1}),
    "examples": (str, ..., {"type": "string", "examples": ["a"], "title": "Name"}),
    "discriminator": (Annotated[Cat | Dog, Field(discriminator="kind")], ..., {"anyOf": [DOG, CAT]}),
    "pattern": (Annotated[str, Field(pattern="^[A-Z]{3}$")], ..., {"type": "string", "pattern": "^[A-Z][A-Z][A-Z]$"}),
}  # fmt: skip
NOT_SAME = {
    "null refused": (int, 0, {"type": ["integer", "null"], "default": 0}, "the specification accepts null"),
    "null required": (str | None, ..., {"type": "string"}, "the tool accepts null"),
    "true is no number": (bool, ..., {"type": "integer"}, "accepts 0, the tool refuses"),
    "another list": (list[int], ..., {"type": "array", "items": {"type": "number"}}, "the specification accepts [0.5"),
    "tuple of three": (tuple[float, float, float], ..., PAIR, "[0"),
    "mapping of texts": (dict[str, str], ..., {"type": "object", "additionalProperties": {"type": "number"}}, '"zz"'),
    "a model for a mapping": (Strict, ..., {"type": "object"}, "the specification accepts {"),
    "more members": (Cat, ..., {**CAT, "additionalProperties": False}, '"zz": null}, the specification refuses'),
    "bound": (Annotated[int, Field(ge=1)], ..., {"type": "integer"}, "the specification accepts 0"),
    "bound by a thousandth": (Annotated[float, Field(gt=0)], ..., {"type": "number", "minimum": 0}, "accepts 0,"),
    "length": (Annotated[str, Field(max_length=40)], ..., {"type": "string", "maxLength": 41}, "accepts \"aaaa"),
    "pattern": (Annotated[str, Field(pattern="^[A-Z]{3}$")], ..., {"type": "string", "pattern": "^[A-Z]{3,4}$"}, '"'),
    "discriminator": (Annotated[Cat | Dog, Field(discriminator="kind")], ..., {"anyOf": [DOG]}, '"cat"'),
    "oneOf that overlaps": (float, ..., {"oneOf": [{"type": "number"}, {"type": "integer"}]}, "the tool accepts 0"),
}  # fmt: skip


def shown_and_specified(annotation, default, schema):
    shown = create_model("Input", f=(annotation, default)).model_json_schema()
    required = ["f"] if default is ... else []
    return shown, {"type": "object", "properties": {"f": schema}, "required": required}


@pytest.mark.parametrize("case", SAME)
def test_types_that_accept_the_same_are_the_same(case):
    assert differences(*shown_and_specified(*SAME[case])) == []


@pytest.mark.parametrize("case", NOT_SAME)
def test_types_that_differ_are_told_apart_by_a_value(case):
    *types, said = NOT_SAME[case]
    found = differences(*shown_and_specified(*types))
    assert len(found) == 1, found
    assert found[0].startswith("parameters.f: the "), found
    assert said in found[0]


def test_types_that_refer_to_themselves_are_compared():
    shown, specified = shown_and_specified(Node, ..., {"$ref": "#/$defs/N"})
    assert differences(shown, {**specified, "$defs": {"N": NODE}}) == []
    other = {**NODE, "properties": {**NODE["properties"], "name": {"type": "integer"}}}
    assert differences(shown, {**specified, "$defs": {"N": other}})


def test_bounds_that_no_float_holds_are_compared():
    huge = 10**400
    assert list(edge_values({"type": "integer", "multipleOf": huge, "maximum": -huge}, {}))
    assert not same_value("7", huge)


def test_references_that_double_are_not_followed_without_end():
    def growing(last):
        twice = {
            f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 3, "description": f"level {n}"} for n in range(19)
        }
        argument = {"a": {"$ref": "#/$defs/d0"}}
        return {"type": "object", "properties": argument, "required": ["a"], "$defs": {**twice, "d19": last}}

    began = time.process_time()
    pairs = []
    parameter_differences(growing({"type": "string"}), growing({"type": "number"}), search=pairs.extend)
    assert [pair.name for pair in pairs] == ["a"]
    assert time.process_time() - began < patient(2)


def test_a_tool_may_be_as_strict_as_an_example_says():
    shown, specified = shown_and_specified(Annotated[int, Field(ge=1)], ..., {"type": "integer"})
    assert differences(shown, specified, [{"f": 0}]) == []
    assert differences(shown, specified, [{"f": "x"}])


@pytest.mark.parametrize(
    ("shown", "specified", "there"),
    [
        ("Width of it, in metres.", "width of it in metres", True),
        ("The width. Metres!", "Width", True),
        ("Height", "Width", False),
        ("Bandwidth", "Width", False),
    ],
)
def test_the_words_of_a_description_must_be_shown(shown, specified, there):
    types = Annotated[float, Field(description=shown)], ..., {"type": "number", "description": specified}
    assert (differences(*shown_and_specified(*types)) == []) is there


def test_descriptions_inside_an_argument_must_be_shown_too():
    class Size(BaseModel):
        width: float = Field(description="Metres from left to right")

    inner = {"width": {"type": "number", "description": "metres from left to right"}}
    spec = {"type": "array", "items": {"type": "object", "properties": inner, "required": ["width"]}}
    assert differences(*shown_and_specified(list[Size], ..., spec)) == []
    inner["width"]["description"] = "Feet"
    assert differences(*shown_and_specified(list[Size], ..., spec)) != []


def test_the_search_has_a_process_of_its_own_and_says_the_same_each_time():
    shown, specified = shown_and_specified(Annotated[int, Field(le=9)], ..., {"type": "integer", "maximum": 10})
    assert parameter_differences(shown, specified) == differences(shown, specified)


def test_a_pattern_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr(schema_search, "CPU_SECONDS", 1)
    endless = {"type": "string", "pattern": "^(a|aa)+b$"}
    sides = [{"type": "object", "properties": {"f": {**endless, "maxLength": length}}} for length in (50, 51)]
    said = parameter_differences(*sides)
    assert "write it as specified" in said[0]


SPEC_WITH_DEFAULT = {
    "name": "shorten", "description": "Shorten a text.", "purpose": "x", "returns": {"type": "string"},
    "parameters": {"type": "object", "required": ["text"], "properties": {
        "text": {"type": "string"}, "most": {"type": "integer", "default": 3}, "mark": {"type": "string"}}},
    "examples": [{"arguments": {"text": "abcdef"}, "expected": "abc"},
                 {"arguments": {"text": ""}, "raises": "ValueError"}],
}  # fmt: skip


def test_a_default_is_what_the_tool_does_when_an_argument_is_left_out():
    tool = ToolSpec.model_validate(SPEC_WITH_DEFAULT)
    assert ignored_defaults(tool, [{"result": "abc"}, {"result": "abc"}]) == []
    said = ignored_defaults(tool, [{"result": "abcd"}, {"result": "abc"}])
    assert said == [
        'parameters.most has the default 3, but with {"text": "abcdef"} the tool gives "abcd", and with 3 for it "abc".'
    ]
    assert ignored_defaults(tool, []) == []


def test_results_are_compared_with_returns():
    returns = {"type": "object", "properties": {"sum": {"type": "number"}}, "required": ["sum"]}
    assert result_complaint({"sum": 1.5}, returns) is None
    assert result_complaint({"sum": "1.5"}, returns) == "$.sum: '1.5' is not of type 'number'"
