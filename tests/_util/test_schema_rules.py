"""Schemas and patterns of a model: the right verdict in bounded time, or a reason; kinds of bombs, not single ones."""

from functools import partial, reduce

import pytest

from agenthands._util import untrusted_json
from agenthands._util.killable import killable
from agenthands._util.untrusted_json import best_misfit, misfits, regex_fault, regex_found, schema_fault

LONG = "a" * 70 + "b"


def doubled(levels, keyword):
    """Return a schema that is small, and whose references expand to 2**levels parts."""
    parts = {f"a{n}": {keyword: [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/a0", "$defs": {**parts, f"a{levels}": {"type": "string"}}}


def nested(levels, around):
    return reduce(lambda inner, _: around(inner), range(levels), {})


@pytest.mark.parametrize("pattern", ["^(a|aa)+$", "^(a+)+$", "^(a*)*$", "^(.*)*c$", "^(a?){70}a{70}$"])
def test_patterns_that_backtrack_for_ever_are_decided(pattern):
    assert schema_fault({"pattern": pattern}) == ""
    assert "does not match" in best_misfit(LONG, {"pattern": pattern})
    assert misfits({LONG: 1}, {"patternProperties": {pattern: {}}, "additionalProperties": False})
    assert not regex_found(pattern, LONG)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "^(?!x)(a|aa)+$"}, LONG),
        (doubled(40, "allOf"), 1),
        (doubled(40, "anyOf"), 1),
    ],
)
def test_what_nobody_can_decide_is_said(schema, value, monkeypatch):
    assert schema_fault(schema) == ""
    monkeypatch.setattr(untrusted_json, "killable", partial(killable, cpu_seconds=0.3))
    assert "it takes more than 0.3 s" in best_misfit(value, schema)


@pytest.mark.parametrize(
    "around",
    [lambda inner: {"not": inner}, lambda inner: {"allOf": [inner]}, lambda inner: {"properties": {"a": inner}},
     lambda inner: {"items": inner}],
)  # fmt: skip
@pytest.mark.parametrize("levels", [70, 900, 20_000])
def test_deep_schemas_have_a_fault(around, levels):
    assert "nested too deeply" in schema_fault(nested(levels, around))
    assert "nested too deeply" in (best_misfit(1, nested(levels, around)) or "nested too deeply")


def test_huge_schemas_have_a_fault():
    assert "too large" in schema_fault({"enum": list(range(50_000))})
    assert schema_fault({"enum": list(range(5_000))}) == ""


@pytest.mark.parametrize(
    ("schema", "value", "fits"),
    [
        ({"multipleOf": 0.01}, 19.99, True),
        ({"multipleOf": 0.1}, 1.15, False),
        ({"multipleOf": 1e-300}, 1e300, True),
        ({"multipleOf": 10**300}, 10**301, True),
        ({"multipleOf": 7}, True, True),
        ({"minLength": 10**9}, "x", False),
        ({"maximum": 5}, 10**400, False),
        ({"uniqueItems": True}, [[n] for n in range(20_000)], True),
        ({"uniqueItems": True}, [1, True, "1", 1.5], True),
        ({"uniqueItems": True}, [{"a": 1}, {"a": 1.0}], False),
        ({"enum": list(range(19_000))}, -1, False),
        ({"format": "email"}, "a" * 100_000 + "@", True),
        ({"pattern": r"^\d+$"}, "٣", False),
        ({"pattern": "^a$"}, "a\n", False),
        ({"pattern": "^.$"}, "\ud800", True),
        ({"patternProperties": {"^x": {"type": "string"}}}, {"x1": 1}, False),
        ({"patternProperties": {"^x": {}}, "additionalProperties": {"type": "string"}}, {"x1": 1, "y": 1}, False),
        ({"patternProperties": {"^x": {}}, "additionalProperties": False}, {"x1": 1}, True),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1}, False),
    ],
)
def test_verdicts_are_json_schemas(schema, value, fits):
    assert (best_misfit(value, schema) is None) is fits
    assert (not misfits(value, schema)) is fits


def test_a_number_that_no_file_holds_is_a_reason():
    assert "thousands of digits" in best_misfit(10**5000, {"type": "integer"})


def test_a_misfit_names_what_is_wrong():
    (found,) = misfits({"a": {"b": 1}}, {"properties": {"a": {"properties": {"b": {"type": "string"}}}}})
    assert found == ".a.b does not fit the schema: 1 is not of type 'string'"
    (found,) = misfits({"b": 1}, {"additionalProperties": False})
    assert "'b' was unexpected" in found


def test_messages_are_short_however_large_the_value():
    assert len(best_misfit("a" * 1_000_000, {"enum": ["b"]})) < 400
    assert len(schema_fault({"pattern": "(" * 1000})) < 400


@pytest.mark.parametrize(
    ("pattern", "text", "is_found"),
    [
        (r"(?s)Ada.*Chiara", "Ada: 1\nChiara: 2", True),
        (r"(?is)ada.*chiara", "Ada: 1\nChiara: 2", True),
        (r"(?s:Ada.*)Chiara", "Ada: 1\nChiara: 2", True),
        (r"(?s)Chiara.*Ada", "Ada: 1\nChiara: 2", False),
        (r"Ada.*Chiara", "Ada: 1\nChiara: 2", False),
        (r"(?m)^Chiara: 2$", "Ada: 1\nChiara: 2", True),
        (r"(?i)chiara", "Ada: 1\nChiara: 2", True),
    ],
)
def test_flags_in_a_pattern_mean_what_they_mean_in_python(pattern, text, is_found):
    assert regex_found(pattern, text) is is_found


def test_a_dot_that_takes_lines_cannot_take_for_ever():
    assert "flag s" in regex_fault(r"(?s)(a+)+$")
