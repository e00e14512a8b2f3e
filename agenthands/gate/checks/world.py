"""The check `world`: in its recorded worlds a tool makes the requests, and leaves the files and rows, as specified."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, override
from urllib.parse import unquote_plus

from agenthands._util.formatting import one_line
from agenthands._util.json_values import same_json
from agenthands.gate.checks.base import UNCLEAR_SPECIFICATION, Finding, GateCheck
from agenthands.gate.harness_jobs import Job, calls, calls_another_day, calls_in_an_outage
from agenthands.schemas import ToolSpec, hidden_example_indices
from agenthands.world.matching import Asked, asked_of, fits

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged

_MOST, _SHOWN = 20, 600
_SHORTEST_SECRET = 4
_TELLING_TEXT, _TELLING_NUMBER = 4, 2  # shorter texts and smaller numbers may be a result by chance


class InItsWorld(GateCheck):
    """What a tool did to its recorded worlds while its examples were called."""

    name = "world"
    order = 86
    headline = True
    version = 5
    summary = (
        "in the recorded worlds of its examples it makes the requests that they name and none that is not recorded, "
        "asks before it answers, takes no outage for an answer, tells no secret in a URL, a result, an error, its log "
        "or output, and leaves the files and rows that they name, and no others"
    )
    fix = (
        "The message names the request and the nearest recorded one. Secrets belong into headers. Raise an error, with "
        "a message that says what to do, where a service does not answer as it must."
    )
    remedy = UNCLEAR_SPECIFICATION
    after = ("conformance",)
    needs = ("calls",)

    @override
    def applies(self, tool: ToolSpec) -> bool:
        """Return whether the tool has worlds."""
        return bool(tool.worlds)

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Call the tool with all examples, each alone too, and some of them while all hosts fail."""
        if not judged.tool.worlds:
            return []
        outage = calls_in_an_outage(judged.tool)
        return [calls(judged.tool), calls_another_day(judged.tool), *([outage] if outage else [])]

    def run(self, evidence: Evidence) -> Finding:
        """Judge each call by what its world saw."""
        first, repeated = evidence.answers.first, evidence.answers.repeated
        return world_finding(evidence.tool, first["calls"], repeated.get("calls", {}), first.get("outage", {}))


def world_finding(
    tool: ToolSpec, answer: Mapping[str, Any], alone: Mapping[str, Any], outage: Mapping[str, Any]
) -> Finding:
    """Judge the calls of the examples; of hidden ones the coder is told how many failed.

    `alone` are the same calls, each the first of its process, `outage` some of them while all hosts fail.
    """
    if not answer["ok"]:
        return Finding(False, f"The examples could not be called: {answer['error']}")
    hidden, told, secret = set(hidden_example_indices(tool)), list[str](), list[str]()
    for index, fault in _all_faults(tool, answer["calls"], alone.get("calls") or (), outage.get("calls") or ()):
        arguments = json.dumps(tool.examples[index].arguments)[:300]
        where = f"For {arguments} in the world {tool.examples[index].world!r} {fault}"
        (secret if index in hidden else told).append(where)
    made = sum(len(call.get("requests", ())) for call in answer["calls"])
    if not made and any(world.http for world in tool.worlds.values()):
        told.insert(0, "It asks none of the hosts that its effects declare.")
    if not told and not secret:
        return Finding(True, f"{made} requests, all as recorded; what had to be left is there.")
    kind = [f"{len(secret)} findings of this kind are about hidden examples."] if secret else []
    more = {"for_coder": "\n".join([*told[:_MOST], *kind])} if secret else {}
    return Finding(False, "\n".join([*told, *secret][:_MOST]), more=more)


Calls = Sequence[Mapping[str, Any] | None]


def _all_faults(tool: ToolSpec, calls_: Calls, alone: Calls, outage: Calls) -> Iterator[tuple[int, str]]:
    for index, call in enumerate(calls_):
        if call:
            yield from ((index, fault) for fault in _faults(tool, index, call))
    for index, call in enumerate(alone):
        if call and not call.get("requests") and (shown := _known(tool, index, call)):
            yield index, f"it gives {shown} without asking for it, which only the recorded answers can tell."
    for index, call in enumerate(outage):
        if call and call.get("requests") and "result" in call:
            yield index, _taken_for_an_answer(call["result"])


def _taken_for_an_answer(result: Any) -> str:
    return (
        f"it gives {_shown(result)} although every host answers with status 500, and whoever uses it takes that for "
        "the truth. Raise an error; where that is right, an example has to say so."
    )


def _faults(tool: ToolSpec, index: int, call: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a call did that it must not have done, or did not do."""
    example = tool.examples[index]
    requests: Sequence[Mapping[str, Any]] = call.get("requests", ())
    methods = {each.host: each.methods for each in tool.effects.http}
    for request in requests:
        asked = _asked(request)
        shown = one_line(f"{asked.method} {asked.url}", _SHOWN)
        if why := request.get("unrecorded"):
            yield f"it asks {shown}, which is not recorded. {one_line(why, _SHOWN)}"
        if asked.method not in methods.get(asked.place[1], ()):
            yield f"it asks {shown}; the specification's effects do not declare that method for this host."
    for wanted in example.requests:
        if not any(fits(asked_of(wanted), _asked(request)) for request in requests):
            yield f"it does not ask {one_line(f'{wanted.method} {asked_of(wanted).url}', _SHOWN)}, which it must."
    yield from _told_secrets(tool, index, call)
    if example.leaves:
        yield from _left_faults(example.leaves.model_dump(mode="json"), call.get("left", {}))


def _told_secrets(tool: ToolSpec, index: int, call: Mapping[str, Any]) -> Iterator[str]:
    """Yield where a call tells one of its secrets: in a URL, in what it gives, in its log or output."""
    world = tool.worlds[tool.examples[index].world]
    known = [world.secrets.get(name, f"dummy-{name.lower()}") for name in tool.effects.secrets]
    secrets = [value for value in known if len(value) >= _SHORTEST_SECRET]
    for request in call.get("requests", ()):
        asked = _asked(request)
        if any(secret in unquote_plus(str(request["url"])) for secret in secrets):
            yield f"it puts a secret into the URL of {asked.method} {'://'.join(asked.place[:2])}, where logs show it."
    given = json.dumps([call.get("result"), call.get("message")], ensure_ascii=False)
    if any(json.dumps(secret, ensure_ascii=False)[1:-1] in given for secret in secrets):
        yield f"it tells a secret in its {'result' if 'result' in call else 'error'}, which a model reads."
    for where in call.get("leaks", ()):
        yield f"it tells a secret in its {where}, which others read."


def _known(tool: ToolSpec, index: int, call: Mapping[str, Any]) -> str:
    """Return what of a result only the recorded answers of its world tell; empty where there is nothing."""
    example = tool.examples[index]
    world = tool.worlds[example.world]
    said = {each for exchange in world.http for each in _leaves(exchange.response.json_body)}
    said -= {*_leaves(example.arguments), *_leaves(dict(world.settings))}
    said -= {each for setting in tool.effects.settings for each in _leaves(setting.default)}
    return ", ".join(sorted(json.dumps(each) for each in said & {*_leaves(call.get("result"))})[:3])


def _leaves(value: Any) -> Iterator[str | float]:
    """Yield the texts and numbers in a JSON value that no rule would give by chance."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif (isinstance(value, str) and len(value) >= _TELLING_TEXT) or (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= _TELLING_NUMBER
    ):
        yield value


def _left_faults(wanted: Mapping[str, Any], left: Mapping[str, Any]) -> Iterator[str]:
    for path, text in wanted.get("files", {}).items():
        found = left.get("files", {}).get(path)
        if found != text:
            yield f"it leaves {_shown(found)} in {path}, where {_shown(text)} must be."
    for database, tables in wanted.get("tables", {}).items():
        for table, rows in tables.items():
            found = left.get("tables", {}).get(database, {}).get(table)
            if found is None or not _same_rows(rows, found):
                yield f"it leaves {_shown(found)} in the table {table} of {database}, where {_shown(rows)} must be."
    for also in left.get("also", ()):
        yield f"it also changes {one_line(str(also), _SHOWN)}, of which the example says nothing."


def _same_rows(wanted: Sequence[Any], found: Sequence[Any]) -> bool:
    """Return whether two tables hold the same; the rows of a table have no order."""
    left = list(found)
    for row in wanted:
        place = next((number for number, each in enumerate(left) if same_json(row, each)), None)
        if place is None:
            return False
        del left[place]
    return not left


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
