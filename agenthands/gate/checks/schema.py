"""The check `schema`: what NAT shows to a model, compared with the specification."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, override

from agenthands._util.untrusted_json import best_misfit
from agenthands.gate.checks.base import STRONGER_CODER, UNCLEAR_SPECIFICATION, Finding, GateCheck
from agenthands.gate.checks.schema_search import SPECIFICATION, TOOL, Pair, Telling, telling_values
from agenthands.gate.checks.schema_spelling import (
    DEFINITIONS,
    MISSING,
    Steps,
    canonical,
    definitions,
    descriptions,
    resolved,
    same_value,
    without_null,
)
from agenthands.gate.harness_jobs import IMPORT, Job, Stage, calls
from agenthands.schemas import ErrorExample, ResultExample, ToolSpec, hidden_example_indices

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged

Search = Callable[[Sequence[Pair]], list[Telling] | None]
_OF_ARGUMENTS = {"type", "properties", "required", "title", "description", "$schema", "$comment", "examples", "default",
                 "additionalProperties", *DEFINITIONS}  # fmt: skip
_MAX_DEFAULTS = 12


class Schema(GateCheck):
    """What goes into the tool and comes out of it has the form that was specified."""

    name = "schema"
    order = 30
    headline = True
    summary = (
        "the tool and the specification accept and refuse the same arguments, with the same descriptions and defaults, "
        "and the results fit `returns`"
    )
    fix = "The message names a value that only one of them accepts. Change the tool's types, or the specification."
    remedy = UNCLEAR_SPECIFICATION
    change = f"ask for simpler arguments and results, or {STRONGER_CODER}"
    after = ("conformance",)
    needs = ("calls",)

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Import the tool, call it with the examples, and with what is specified for arguments that are left out."""
        asked = [arguments for _, *pair in _default_calls(judged.tool) for arguments in pair]
        more = [Job("defaults", "calls", Stage.RUN, {"arguments": asked})] if asked else []
        return [IMPORT, calls(judged.tool), *more]

    def run(self, evidence: Evidence) -> Finding:
        """Compare what NAT shows, and what the calls gave, with the specification."""
        answers = evidence.answers.first
        found = schema_finding(evidence.tool, answers[IMPORT.id]["input_schema"], answers["calls"])
        ignored = ignored_defaults(evidence.tool, answers.get("defaults", {}).get("calls", ()))
        if not ignored:
            return found
        return Finding(False, "\n".join([*ignored, *([] if found.passed else [found.detail])]))


def schema_finding(tool: ToolSpec, shown: Mapping[str, Any], answer: Mapping[str, Any]) -> Finding:
    """Judge the parameters that NAT shows to a model, and the results of the examples' calls."""
    refused = [example.arguments for example in tool.examples if isinstance(example, ErrorExample)]
    wrong = [f"{each}." for each in parameter_differences(shown, tool.parameters, refused)]
    hidden = hidden_example_indices(tool)  # the check `held_out` judges these: the coder reads what is said here
    for index, (example, call) in enumerate(zip(tool.examples, answer.get("calls", ()), strict=False)):
        complaint = result_complaint(call["result"], tool.returns) if "result" in call else None
        if complaint and index not in hidden:
            arguments = json.dumps(example.arguments)[:300]
            wrong.append(f"The result for {arguments} does not fit `returns`: {complaint}")
    if wrong:
        return Finding(False, "\n".join(wrong[:20]))
    return Finding(True, "Parameters and results are as specified.")


def parameter_differences(
    shown: Mapping[str, Any],
    specified: Mapping[str, Any],
    refused: Sequence[Mapping[str, Any]] = (),
    search: Search = telling_values,
) -> list[str]:
    """Say where the JSON Schema that NAT shows differs from the specification's; empty where both mean the same.

    Names of arguments, which are required, defaults and descriptions are compared as they stand; types by the values
    that they accept: `search` looks for one that tells them apart. `refused` are arguments that the tool must refuse
    by an example: where its schema already does, it may be stricter than the specification's.
    """
    known, own = definitions(specified), definitions(shown)
    wanted, there = _properties(specified), _properties(shown)
    found = [f"parameters.{name} is missing; the specification has it" for name in wanted if name not in there]
    found += [f"parameters.{name} is not in the specification" for name in there if name not in wanted]
    found += _required_differences(shown, specified)
    pairs = []
    for name in (name for name in wanted if name in there):
        one, other = {**there[name]}, {**wanted[name]}
        found += _default_differences(f"parameters.{name}", (one, own), (other, known))
        found += _lost_descriptions(name, (one, own), (other, known))
        pair = _pair(name, shown, specified, refused)
        if not _is_same(pair):
            pairs.append(pair)
    found += _rest_differences(shown, specified)
    if specified.keys() - _OF_ARGUMENTS and not found and not pairs:
        pairs.append(Pair("", shown, specified))
    return found + (_told_apart(pairs, search) if pairs else [])


def result_complaint(result: Any, returns: Mapping[str, Any]) -> str | None:
    """Say where a result does not fit the specification's `returns`; None where it fits."""
    return best_misfit(result, returns)


def ignored_defaults(tool: ToolSpec, answers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say where leaving an argument out gives something else than its specified default.

    `answers` are those to the job `defaults`.
    """
    complaints = {}
    for number, (name, without, _) in enumerate(_default_calls(tool)):
        pair = answers[2 * number : 2 * number + 2]
        if len(pair) == 2 and _outcome(pair[0]) != _outcome(pair[1]):
            default = _short(_properties(tool.parameters)[name]["default"])
            complaints[name] = (
                f"parameters.{name} has the default {default}, but with {_short(without)} the tool gives "
                f"{_short(_outcome(pair[0]))}, and with {default} for it {_short(_outcome(pair[1]))}."
            )
    return list(complaints.values())


def _default_calls(tool: ToolSpec) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Return for each default that is specified some arguments without it, and the same with it."""
    required = tool.parameters.get("required", [])
    examples = [example.arguments for example in tool.examples if isinstance(example, ResultExample)][:3]
    found = []
    for name, schema in list(_properties(tool.parameters).items())[:_MAX_DEFAULTS]:
        default = schema.get("default")
        if default is not None and name not in required:
            for arguments in examples:
                without = {key: value for key, value in arguments.items() if key != name}
                found.append((name, without, {**without, name: default}))
    return found


def _outcome(call: Mapping[str, Any]) -> Any:
    return call["result"] if "result" in call else (call.get("raises") or ["an error"])[0]


def _properties(schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found = schema.get("properties")
    return (
        {name: each for name, each in found.items() if isinstance(each, Mapping)} if isinstance(found, Mapping) else {}
    )


def _required(schema: Mapping[str, Any]) -> list[str]:
    found = schema.get("required")
    return [str(each) for each in found] if isinstance(found, list) else []


def _required_differences(shown: Mapping[str, Any], specified: Mapping[str, Any]) -> Iterator[str]:
    wanted, there = _required(specified), _required(shown)
    for name in _properties(specified).keys() & _properties(shown).keys():
        if name in wanted and name not in there:
            yield f"parameters.required: {name} is not required; the specification requires it: take its default away"
        elif name in there and name not in wanted:
            yield f"parameters.required: {name} is required; in the specification it is optional: give it a default"


def _pair(
    name: str, shown: Mapping[str, Any], specified: Mapping[str, Any], refused: Sequence[Mapping[str, Any]]
) -> Pair:
    one, other = ({**_definitions(each), **_properties(each)[name]} for each in (shown, specified))
    values = [arguments[name] for arguments in refused if name in arguments]
    stricter = any(best_misfit(each, one) and not best_misfit(each, other) for each in values)
    return Pair(name, one, other, optional=name not in _required(specified), stricter=stricter)


def _definitions(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: schema[key] for key in DEFINITIONS if key in schema}


def _is_same(pair: Pair) -> bool:
    """Return whether both sides are the same but for spelling, so that no value has to be looked for."""
    specified = canonical(pair.specified)
    plain, lenient = canonical(pair.shown), canonical(pair.shown, without_null=True)
    return specified in ([plain, lenient, without_null(lenient)] if pair.optional else [plain, lenient])


def _rest_differences(shown: Mapping[str, Any], specified: Mapping[str, Any]) -> Iterator[str]:
    more, there = specified.get("additionalProperties"), shown.get("additionalProperties")
    if more is False and there is not False:
        yield (
            "parameters: the tool accepts arguments that are not named, the specification refuses them: "
            'model_config = ConfigDict(extra="forbid")'
        )
    elif there is False and more not in (None, False):
        yield "parameters: the tool refuses arguments that are not named, the specification accepts them"


def _told_apart(pairs: Sequence[Pair], search: Search) -> list[str]:
    found = search(pairs)
    if found is None:
        return [
            f"{_where(pair.name)} is {_shown(pair.shown)}; the specification says {_shown(pair.specified)}, and in the "
            "time that there is no value could be found that tells them apart: write it as specified"
            for pair in pairs
        ]
    sides = {pair.name: pair for pair in pairs}
    return [_sentence(each, sides[each.name]) for each in found]


def _sentence(telling: Telling, pair: Pair) -> str:
    takes, refuses = (TOOL, SPECIFICATION) if telling.accepted_by == TOOL else (SPECIFICATION, TOOL)
    return (
        f"{_where(telling.name)}: the {takes} accepts {_short(telling.value)}, the {refuses} refuses it. "
        f"The tool shows {_shown(pair.shown)}; the specification says {_shown(pair.specified)}"
    )


def _where(name: str) -> str:
    return f"parameters.{name}" if name else "parameters"


def _shown(schema: Mapping[str, Any]) -> str:
    return _short({key: value for key, value in canonical(schema).items() if key not in DEFINITIONS})


def _default_differences(
    where: str, shown: Any, specified: Any, depth: int = 0, steps: Steps | None = None
) -> Iterator[str]:
    """Say where both sides name a default, and not the same; `shown` and `specified` come with their definitions.

    Null, and a default that pydantic does not show (`default_factory`), are for the calls to judge.
    """
    one, other = _inner(*shown), _inner(*specified)
    steps = steps or Steps()
    if depth > 8 or not steps.taken():
        return
    mine, theirs = one.get("default"), other.get("default", MISSING)
    if mine is not None and theirs is not MISSING and theirs is not None and not same_value(mine, theirs):
        yield f"{where}.default is {_short(mine)}; the specification says {_short(theirs)}"
    for name, each in _properties(other).items():
        if name in _properties(one):
            both = (_properties(one)[name], shown[1]), (each, specified[1])
            yield from _default_differences(f"{where}.{name}", *both, depth + 1, steps)
    if isinstance(one.get("items"), Mapping) and isinstance(other.get("items"), Mapping):
        both = (one["items"], shown[1]), (other["items"], specified[1])
        yield from _default_differences(f"{where}[]", *both, depth + 1, steps)


def _inner(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with its reference followed, and that of the only choice beside null."""
    schema = resolved(resolved(schema, known), known)
    choices = schema.get("anyOf")
    rest = [each for each in choices if each != {"type": "null"}] if isinstance(choices, list) else []
    if len(rest) == 1 and isinstance(rest[0], Mapping):
        schema = {**resolved(rest[0], known), **schema}
    return schema


def _lost_descriptions(name: str, shown: Any, specified: Any) -> Iterator[str]:
    """Say which descriptions of the specification a model does not see; it may see more, in other punctuation."""
    there = [_words(each) for each in descriptions(*shown)]
    for each in dict.fromkeys(descriptions(*specified)):
        if not any(_words(each) in said for said in there):
            yield f"parameters.{name}: a model is not shown the description {_short(each)}: Field(description=...)"


def _words(text: str) -> str:
    return f" {' '.join(re.findall(r'[^\W_]+', text.casefold()))} "


def _short(value: Any) -> str:
    return json.dumps(value, default=str)[:200]
