"""Constrained decoding for real: what a schema forbids cannot be said, and what a provider does not know is refused.

A provider that constrains its model masks every token that would leave the schema. So a value that does not fit comes
back as the nearest one that does: members that a closed object does not name are missing, a value that no enumeration
has becomes its first.
"""

import json

_EMPTY = {"object": dict, "array": list, "string": str, "integer": int, "number": float, "boolean": bool}
_TYPES = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip


class Grammar:
    """What a provider makes of a schema.

    `closed` closes objects that do not say whether they are. Without `bare`, objects that name no members have none.
    """

    def __init__(self, schema, closed=False, bare=True):
        self.root, self.closed, self.bare = schema, closed, bare

    def project(self, value, schema):
        """Return `value` as far as `schema` lets it be said."""
        schema = resolved(schema, self.root)
        if schema is True or not schema:
            return value
        union = schema.get("anyOf") or schema.get("oneOf")
        if union:
            said = [self.project(value, each) for each in union]
            return max(said, key=lambda one: (one == value, _kept(one, value)))
        return self._plain(value, schema)

    def _plain(self, value, schema):
        if "enum" in schema:
            return value if value in schema["enum"] else schema["enum"][0]
        if "const" in schema:
            return schema["const"]
        kinds = _kinds(schema)
        if not kinds:
            return value
        kind = next((each for each in kinds if _is(value, each)), kinds[0])
        if kind == "null":
            return None
        if not _is(value, kind):
            value = _EMPTY[kind]()
        if kind == "object":
            return self._object(value, schema)
        return [self.project(each, schema.get("items", {})) for each in value] if kind == "array" else value

    def _object(self, value, schema):
        known = schema.get("properties") or {}
        if not known and not self.bare:
            return {}
        said = {name: self.project(value[name], each) for name, each in known.items() if name in value}
        more = schema.get("additionalProperties", not self.closed)
        if more is not False:
            rest = {name: each for name, each in value.items() if name not in known}
            said |= {name: self.project(each, more) for name, each in rest.items()}
        for name in schema.get("required", ()):
            if name not in said and name in known:
                said[name] = self.project(None, known[name])
        return said


def _kinds(schema):
    kind = schema.get("type")
    if kind is None:
        return ["object"] if "properties" in schema else []
    kinds = [kind] if isinstance(kind, str) else list(kind)
    return [each.lower() for each in kinds]


def _is(value, kind):
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])


def _kept(one, value):
    return len(json.dumps(one)) if type(one) is type(value) else 0


def resolved(schema, root):
    """Return the schema that a `$ref` of `root` names, or the schema itself."""
    while isinstance(schema, dict) and "$ref" in schema:
        node = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            node = node[step]
        schema = node
    return schema


def parts(schema, path=""):
    """Yield every schema in a schema, with its path."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for name in ("properties", "$defs", "definitions", "patternProperties"):
        for key, each in (schema.get(name) or {}).items():
            yield from parts(each, f"{path}.{name}.{key}")
    for name in ("items", "additionalProperties", "not", "contains"):
        yield from parts(schema.get(name), f"{path}.{name}")
    for name in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for index, each in enumerate(schema.get(name) or []):
            yield from parts(each, f"{path}.{name}[{index}]")


def has_kind(schema, kind):
    """Return whether a schema allows values of a type."""
    return kind in _kinds(schema)


def recurses(schema):
    """Return whether a schema contains itself."""

    def walk(node, trail):
        if not isinstance(node, dict):
            return isinstance(node, list) and any(walk(each, trail) for each in node)
        reference = node.get("$ref")
        if reference in trail:
            return True
        if reference:
            return walk(resolved(node, schema), {*trail, reference})
        return any(walk(each, trail) for name, each in node.items() if name not in ("$defs", "definitions"))

    return walk(schema, frozenset())


def constrained(text, schema, closed=False, bare=True):
    """Return what a model that wants to say `text` can say under `schema`; `closed` and `bare` as for Grammar.

    What is no JSON becomes the least that fits; a fence around JSON cannot be said.
    """
    try:
        value = json.loads(text.strip().removeprefix("```json").removesuffix("```"))
    except ValueError:
        value = None
    return json.dumps(Grammar(schema, closed, bare).project(value, schema))
