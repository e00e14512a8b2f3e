"""JSON Schemas of values, and the Python types that pydantic shows as these schemas."""

import ast
import json

_NAMES = {"int": "integer", "float": "number", "str": "string", "bool": "boolean"}
_PYTHON = {"integer": "int", "number": "float", "string": "str", "boolean": "bool", "null": "None"}
FEW = 3
_ORDER = ["boolean", "integer", "number", "string", "array", "object", "null"]
_KINDS = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


def schema_of(values):
    """Return the narrowest schema that all values fit; `anyOf` where they are of several types."""
    by_kind = {}
    for value in values:
        by_kind.setdefault(_KINDS.get(type(value), "null"), []).append(value)
    found = [_schema(kind, by_kind[kind]) for kind in _ORDER if kind in by_kind]
    if not found:
        return {}
    return found[0] if len(found) == 1 else {"anyOf": found}


def schema_of_annotation(annotation):
    """Return the schema that the text of an annotation stands for; None where it says nothing exact."""
    return _annotated(ast.parse(annotation, mode="eval").body) if annotation else None


def fits(schema, value):
    """Return whether a value is of a schema's types exactly: an integer is not a number here."""
    if "anyOf" in schema:
        return any(fits(each, value) for each in schema["anyOf"])
    if not schema:
        return True
    if schema["type"] != _KINDS.get(type(value), "null"):
        return False
    return schema["type"] != "array" or all(fits(schema["items"], each) for each in value)


def few_values(values):
    """Return the schema that lists the values, where they are few texts or integers that come again; else None."""
    if {type(value) for value in values} not in ({str}, {int}):
        return None
    distinct = sorted(set(values))
    return {"enum": distinct} if len(distinct) <= FEW < len(values) else None


def python_type(schema):
    """Return the text of the Python type that pydantic shows as a schema."""
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    if "anyOf" in schema:
        return " | ".join(python_type(each) for each in schema["anyOf"])
    if not schema:
        return "Any"
    if schema["type"] == "array":
        return f"list[{python_type(schema['items'])}]"
    return _PYTHON.get(schema["type"], "dict[str, Any]")


def same_types(left, right):
    """Return whether two JSON values are equal in value and in type."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def _schema(kind, values):
    if kind == "array":
        return {"type": "array", "items": schema_of([each for value in values for each in value])}
    if kind == "object":
        return {"type": "object", "additionalProperties": True}
    return {"type": kind}


def _annotated(node):
    if isinstance(node, ast.Name) and node.id in _NAMES:
        return {"type": _NAMES[node.id]}
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) in ("List", "list"):
        items = _annotated(node.slice)
        return items and {"type": "array", "items": items}
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Optional":
        inner = _annotated(node.slice)
        return inner and {"anyOf": [inner, {"type": "null"}]}
    return None
