"""The check `schema`: what NAT shows to a model, compared with the specification."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, override

from agenthands._util.untrusted_json import best_misfit
from agenthands.gate.checks.base import STRONGER_CODER, UNCLEAR_SPECIFICATION, Finding, GateCheck
from agenthands.gate.harness_jobs import IMPORT, Job, calls
from agenthands.schemas import ToolSpec, hidden_example_indices

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged

_MISSING = object()


class Schema(GateCheck):
    """What goes into the tool and comes out of it has the form that was specified."""

    name = "schema"
    order = 30
    headline = True
    summary = "the parameters that a model is shown are the specification's, and the results fit `returns`"
    fix = "Name, type and `required` of each argument must agree; or correct the specification."
    remedy = UNCLEAR_SPECIFICATION
    change = f"ask for simpler arguments and results, or {STRONGER_CODER}"
    after = ("conformance",)
    needs = ("calls",)

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Import the tool, and call it with the examples."""
        return [IMPORT, calls(judged.tool)]

    def run(self, evidence: Evidence) -> Finding:
        """Compare what NAT shows, and what the calls gave, with the specification."""
        answers = evidence.answers.first
        return schema_finding(evidence.tool, answers[IMPORT.id]["input_schema"], answers["calls"])


def schema_finding(tool: ToolSpec, shown: Mapping[str, Any], answer: Mapping[str, Any]) -> Finding:
    """Judge the parameters that NAT shows to a model, and the results of the examples' calls."""
    wrong = [f"{each}." for each in parameter_differences(shown, tool.parameters)]
    hidden = hidden_example_indices(tool)  # the check `held_out` judges these: the coder reads what is said here
    for index, (example, call) in enumerate(zip(tool.examples, answer.get("calls", ()), strict=False)):
        complaint = result_complaint(call["result"], tool.returns) if "result" in call else None
        if complaint and index not in hidden:
            arguments = json.dumps(example.arguments)[:300]
            wrong.append(f"The result for {arguments} does not fit `returns`: {complaint}")
    if wrong:
        return Finding(False, "\n".join(wrong[:20]))
    return Finding(True, "Parameters and results are as specified.")


def parameter_differences(shown: Mapping[str, Any], specified: Mapping[str, Any]) -> list[str]:
    """Say where the JSON Schema that NAT shows differs from the specification's; empty where both mean the same.

    Titles, the order of keys, references and the spelling of an optional value (`anyOf` with null, default null) do
    not count.
    """
    return list(_differences("parameters", canonical(shown), canonical(specified)))


def result_complaint(result: Any, returns: Mapping[str, Any]) -> str | None:
    """Say where a result does not fit the specification's `returns`; None where it fits."""
    return best_misfit(result, returns)


def canonical(schema: Mapping[str, Any]) -> Any:
    """Return a schema in one spelling: no titles, no references, no null that only says `optional`."""
    return _canonical(schema, schema.get("$defs") or schema.get("definitions") or {}, 0)


def _canonical(node: Any, definitions: Mapping[str, Any], depth: int) -> Any:
    if isinstance(node, list):
        return [_canonical(each, definitions, depth) for each in node]
    if not isinstance(node, Mapping):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str) and depth < 20:
        target = definitions.get(reference.rpartition("/")[2])
        target = target if isinstance(target, Mapping) else {}
        return _canonical({**target, **{key: node[key] for key in node if key != "$ref"}}, definitions, depth + 1)
    result = {}
    for key, value in node.items():
        if key == "properties" and isinstance(value, Mapping):
            required = set(node.get("required", ()))
            result[key] = {
                name: _property(_canonical(each, definitions, depth), name in required) for name, each in value.items()
            }
        elif key in ("const", "default", "enum", "examples"):
            result[key] = value
        elif key not in ("title", "$defs", "definitions", "$schema"):
            result[key] = _canonical(value, definitions, depth)
    return _tidy(result)


def _property(schema: Any, required: bool) -> Any:
    if required or not isinstance(schema, dict) or schema.get("default", _MISSING) is not None:
        return schema
    schema = _without(schema, "default")
    choices = schema.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        others = _without(schema, "anyOf")
        return {**rest[0], **others} if len(rest) == 1 and isinstance(rest[0], dict) else {**others, "anyOf": rest}
    if isinstance(schema.get("type"), list):
        rest = [each for each in schema["type"] if each != "null"]
        return {**schema, "type": rest[0] if len(rest) == 1 else rest}
    return schema


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    single = schema.get("allOf")
    if isinstance(single, list) and len(single) == 1 and isinstance(single[0], dict):
        schema = {**single[0], **_without(schema, "allOf")}
    schema = _tidy_types(schema)
    if isinstance(schema.get("required"), list):
        schema["required"] = sorted(schema["required"])
    if isinstance(schema.get("description"), str):
        schema["description"] = " ".join(schema["description"].split())
    said_anyway = {"items": {}, "additionalProperties": True, "required": []}
    return {key: value for key, value in schema.items() if key not in said_anyway or value != said_anyway[key]}


def _tidy_types(schema: dict[str, Any]) -> dict[str, Any]:
    """Write several types as a list, and a constant as an enum, whose values say the type."""
    choices = schema.get("anyOf")
    if isinstance(choices, list) and all(isinstance(each, dict) and set(each) == {"type"} for each in choices):
        schema = {**_without(schema, "anyOf"), "type": [str(each["type"]) for each in choices]}
    if isinstance(schema.get("type"), list):
        schema["type"] = sorted(schema["type"])
    if "const" in schema:
        schema = {**_without(schema, "const"), "enum": [schema["const"]]}
    if isinstance(schema.get("enum"), list):
        schema = {**_without(schema, "type"), "enum": sorted(schema["enum"], key=json.dumps)}
    return schema


def _without(schema: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


def _differences(where: str, shown: Any, specified: Any) -> Iterator[str]:
    if isinstance(shown, dict) and isinstance(specified, dict):
        for key in sorted(specified.keys() | shown.keys()):
            if key == "description" and (where == "parameters" or key not in specified):
                continue  # the model's docstring, or more words than were asked for
            yield from _differences(f"{where}.{key}", shown.get(key, _MISSING), specified.get(key, _MISSING))
    elif shown is _MISSING:
        yield f"{where} is missing; the specification says {_short(specified)}"
    elif specified is _MISSING:
        yield f"{where} is {_short(shown)}, which the specification does not have"
    elif shown != specified or isinstance(shown, bool) != isinstance(specified, bool):
        yield f"{where} is {_short(shown)}; the specification says {_short(specified)}"


def _short(value: Any) -> str:
    return json.dumps(value, default=str)[:200]
