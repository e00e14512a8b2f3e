"""The check `world`: in its recorded worlds a tool makes the requests, and leaves the files and rows, as specified."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, override
from urllib.parse import unquote_plus

from agenthands._util.formatting import one_line
from agenthands._util.json_values import same_json
from agenthands.gate.checks.base import UNCLEAR_SPECIFICATION, Finding, GateCheck
from agenthands.gate.harness_jobs import Job, calls
from agenthands.schemas import ToolSpec, hidden_example_indices
from agenthands.world.matching import Asked, asked_of, fits

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged

_MOST, _SHOWN = 20, 600
_SHORTEST_SECRET = 4


class InItsWorld(GateCheck):
    """What a tool did to its recorded worlds while its examples were called."""

    name = "world"
    order = 86
    headline = True
    summary = (
        "in the recorded worlds of its examples it makes the requests that they name and none that is not recorded, "
        "with no method that is not declared and no secret in a URL, and leaves the files and rows that they name"
    )
    fix = "The message names the request and the nearest recorded one. Secrets belong into headers."
    remedy = UNCLEAR_SPECIFICATION
    after = ("conformance",)
    needs = ("calls",)

    @override
    def applies(self, tool: ToolSpec) -> bool:
        """Return whether the tool has worlds."""
        return bool(tool.worlds)

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Call the tool with all examples."""
        return [calls(judged.tool)] if judged.tool.worlds else []

    def run(self, evidence: Evidence) -> Finding:
        """Judge each call by what its world saw."""
        return world_finding(evidence.tool, evidence.answers.first["calls"])


def world_finding(tool: ToolSpec, answer: Mapping[str, Any]) -> Finding:
    """Judge the calls of the examples; of hidden ones the coder is told how many failed."""
    if not answer["ok"]:
        return Finding(False, f"The examples could not be called: {answer['error']}")
    hidden, told, secret = set(hidden_example_indices(tool)), list[str](), list[str]()
    made = 0
    for index, call in enumerate(answer["calls"]):
        made += len(call.get("requests", ()))
        arguments = json.dumps(tool.examples[index].arguments)[:300]
        for fault in _faults(tool, index, call):
            where = f"For {arguments} in the world {tool.examples[index].world!r} {fault}"
            (secret if index in hidden else told).append(where)
    if not told and not secret:
        return Finding(True, f"{made} requests, all as recorded; what had to be left is there.")
    kind = [f"{len(secret)} findings of this kind are about hidden examples."] if secret else []
    more = {"for_coder": "\n".join([*told[:_MOST], *kind])} if secret else {}
    return Finding(False, "\n".join([*told, *secret][:_MOST]), more=more)


def _faults(tool: ToolSpec, index: int, call: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a call did that it must not have done, or did not do."""
    example = tool.examples[index]
    requests: Sequence[Mapping[str, Any]] = call.get("requests", ())
    methods = {each.host: each.methods for each in tool.effects.http}
    secrets = [value for value in tool.worlds[example.world].secrets.values() if len(value) >= _SHORTEST_SECRET]
    for request in requests:
        asked = _asked(request)
        shown = one_line(f"{asked.method} {asked.url}", _SHOWN)
        if why := request.get("unrecorded"):
            yield f"it asks {shown}, which is not recorded. {one_line(why, _SHOWN)}"
        if asked.method not in methods.get(asked.place[1], ()):
            yield f"it asks {shown}; the specification's effects do not declare that method for this host."
        if any(secret in unquote_plus(str(request["url"])) for secret in secrets):
            yield f"it puts a secret into the URL of {asked.method} {'://'.join(asked.place[:2])}, where logs show it."
    for wanted in example.requests:
        if not any(fits(asked_of(wanted), _asked(request)) for request in requests):
            yield f"it does not ask {one_line(f'{wanted.method} {asked_of(wanted).url}', _SHOWN)}, which it must."
    if example.leaves:
        yield from _left_faults(example.leaves.model_dump(mode="json"), call.get("left", {}))


def _left_faults(wanted: Mapping[str, Any], left: Mapping[str, Any]) -> Iterator[str]:
    for path, text in wanted.get("files", {}).items():
        found = left.get("files", {}).get(path)
        if found != text:
            yield f"it leaves {_shown(found)} in {path}, where {_shown(text)} must be."
    for database, tables in wanted.get("tables", {}).items():
        for table, rows in tables.items():
            found = left.get("tables", {}).get(database, {}).get(table)
            if found is None or not same_json(rows, found):
                yield f"it leaves {_shown(found)} in the table {table} of {database}, where {_shown(rows)} must be."


def _asked(request: Mapping[str, Any]) -> Asked:
    return Asked(
        request["method"],
        tuple(request["place"]),
        tuple((key, value) for key, value in request["query"]),
        request["headers"],
        request["body"].encode(),
    )


def _shown(value: Any) -> str:
    return "nothing" if value is None else one_line(json.dumps(value, ensure_ascii=False), _SHOWN)
