"""Strategies: JSON of any kind, JSON Schemas sane and odd, plans, events, and what somebody may put in their place."""

import json

import jsonschema
from hypothesis import strategies as st

from agenthands.events import (
    BatchProgress,
    BatchStarted,
    BuildFinished,
    BuildStarted,
    Notice,
    StageFinished,
    StageStarted,
    ToolProgress,
)

TEXT = st.one_of(
    st.text(max_size=30),
    st.sampled_from([
        "", " ", "../../etc/passwd", "/etc/passwd", "a\x00b", "{{ 7*7 }}", "{% include '/etc/passwd' %}", "${HOME}",
        "$(id)", "`id`", "; rm -rf /", "<script>alert(1)</script>", "![x](javascript:alert(1))",
        "!!python/name:os.system",
        "\u202e", "\ud800", "NaN", "1e999", "(a+)+$", "(", "a{99999999999}", "#", "#/$defs/x", "http://127.0.0.1:9/x",
        "file:///etc/passwd", "urn:x", "http://[", "\n---\n", "'; DROP TABLE x; --",
    ]),
)  # fmt: skip
NUMBER = st.one_of(st.integers(-10, 10), st.integers(), st.floats(), st.just(10**400))
SCALAR = st.one_of(st.none(), st.booleans(), NUMBER, TEXT)
JSON = st.recursive(
    SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)
TYPES = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])
WORDS = sorted({*jsonschema.Draft202012Validator.VALIDATORS, "$id", "$defs", "default", "title", "$schema", "$anchor"})


def _schema(inner):
    known = {
        "type": st.one_of(TYPES, st.lists(TYPES, max_size=2, unique=True)),
        "properties": st.dictionaries(TEXT, inner, max_size=3),
        "required": st.lists(TEXT, max_size=2, unique=True),
        "items": inner,
        "anyOf": st.lists(inner, min_size=1, max_size=2),
        "allOf": st.lists(inner, min_size=1, max_size=2),
        "not": inner,
        "enum": st.lists(JSON, max_size=3),
        "const": JSON,
        "pattern": TEXT,
        "patternProperties": st.dictionaries(TEXT, inner, max_size=2),
        "multipleOf": NUMBER,
        "$ref": TEXT,
        "$dynamicRef": TEXT,
        "$id": TEXT,
        "$defs": st.dictionaries(TEXT, inner, max_size=2),
        "additionalProperties": inner,
        "default": JSON,
    }
    return st.fixed_dictionaries({}, optional=known)


SCHEMA = st.recursive(
    st.one_of(st.booleans(), st.just({}), TYPES.map(lambda name: {"type": name})), _schema, max_leaves=8
)
ODD = st.one_of(SCHEMA, st.dictionaries(st.sampled_from(WORDS), JSON, max_size=5), JSON)
OBJECT = st.builds(
    lambda properties, more: {"type": "object", "properties": properties, **more},
    st.dictionaries(TEXT, SCHEMA, max_size=3),
    st.fixed_dictionaries(
        {}, optional={"$ref": TEXT, "$id": TEXT, "required": st.lists(TEXT, max_size=2), "$defs": ODD}
    ),
)
SLUG = st.from_regex(r"\A[a-z][a-z0-9-]{1,12}\Z")
NAME = st.from_regex(r"\A[a-z][a-z0-9_]{1,12}\Z")
REQUIREMENT = st.one_of(
    TEXT,
    st.sampled_from([
        "pandas", "pandas>=2", "x @ file:///etc/passwd", "x @ git+https://h/x", "-r /etc/passwd", "--index-url=http://h",
        'x; extra == "\n--index-url http://h\n"', "x[a,b]>1; python_version<'3'", "../x", "x==1 --hash=sha256:0",
    ]),
)  # fmt: skip
EXAMPLE = st.one_of(
    st.fixed_dictionaries({"arguments": st.dictionaries(TEXT, JSON, max_size=3), "expected": JSON}),
    st.fixed_dictionaries({"arguments": st.dictionaries(TEXT, JSON, max_size=3), "raises": TEXT}),
)
TOOL = st.fixed_dictionaries({
    "name": NAME,
    "description": st.text(min_size=10, max_size=30),
    "purpose": TEXT,
    "parameters": st.one_of(OBJECT, st.dictionaries(st.sampled_from(WORDS), JSON, max_size=4)),
    "returns": st.one_of(SCHEMA.filter(lambda each: isinstance(each, dict)), st.dictionaries(TEXT, JSON, max_size=3)),
    "dependencies": st.lists(REQUIREMENT, max_size=2),
    "examples": st.lists(EXAMPLE, min_size=1, max_size=4),
})  # fmt: skip
CHECK = st.fixed_dictionaries(
    {"kind": st.sampled_from(["tool_called", "contains", "regex", "json_equal"]), "value": JSON}
)
CASE = st.fixed_dictionaries({
    "id": st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,9}\Z"),
    "query": st.text(min_size=1, max_size=20),
    "expected_behavior": TEXT,
    "checks": st.lists(CHECK, max_size=2),
})  # fmt: skip
AGENT_NAME = st.sampled_from(["main", "one", "two", "three"])
AGENT = st.fixed_dictionaries({
    "name": AGENT_NAME,
    "description": st.text(min_size=1, max_size=20),
    "instructions": TEXT,
    "type": st.one_of(st.sampled_from(["tool_calling_agent", "router_agent", "chat_completion"]), TEXT),
    "tools": st.lists(st.one_of(AGENT_NAME, TEXT), max_size=3),
})  # fmt: skip
PLAN = st.fixed_dictionaries({
    "name": SLUG,
    "summary": st.text(min_size=1, max_size=20),
    "agents": st.lists(AGENT, min_size=1, max_size=4, unique_by=lambda agent: agent["name"]),
    "entry": AGENT_NAME,
    "builtin_tools": st.lists(st.fixed_dictionaries({"type": TEXT, "reasoning": TEXT}), max_size=1),
    "mcp_servers": st.lists(
        st.fixed_dictionaries({"id": TEXT, "tools": st.lists(TEXT, min_size=1), "reasoning": TEXT}), max_size=1
    ),
    "custom_tools": st.lists(TOOL, max_size=2, unique_by=lambda tool: tool["name"]),
    "test_cases": st.lists(CASE, min_size=1, max_size=2, unique_by=lambda case: case["id"]),
    "reasoning": TEXT,
})  # fmt: skip


FEW = st.integers(1, 5)
ID = st.sampled_from(["b", "c", ""])
COST = st.one_of(st.none(), st.floats(0, 1e6))
STATE = st.sampled_from(["waiting", "coding", "checking", "repairing", "accepted", "rejected", "failed"])
EVENT = st.one_of(
    st.builds(BuildStarted, ID, TEXT, TEXT, TEXT, TEXT, TEXT),
    st.builds(StageStarted, ID, TEXT),
    st.builds(StageFinished, ID, TEXT, st.floats(0, 1e6), TEXT, TEXT),
    st.builds(ToolProgress, ID, TEXT, STATE, TEXT, st.integers(0, 10), COST),
    st.builds(Notice, ID, TEXT),
    st.builds(BuildFinished, ID, TEXT, TEXT),
    st.builds(BatchStarted, ID, st.integers(1, 5)),
    st.builds(BatchProgress, ID, FEW, FEW, TEXT, TEXT, TEXT, TEXT, st.booleans(), COST, st.floats(0, 1e6)),
)


def changed(document):
    """Return JSON documents in which one value, somewhere, is another one."""

    @st.composite
    def changing(draw):
        whole = json.loads(json.dumps(document))
        node = whole
        while isinstance(node, dict | list) and node:
            key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
            if draw(st.booleans()) or not isinstance(node[key], dict | list) or not node[key]:
                if draw(st.booleans()):
                    node[key] = draw(JSON)
                else:
                    del node[key]
                return whole
            node = node[key]
        return whole

    return changing()
