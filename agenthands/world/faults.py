"""What is wrong with the effects and the worlds of a tool, in sentences that a planner can act on."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote_plus

from agenthands._util.killable import UnfinishedError, killable
from agenthands._util.untrusted_json import misfits, schema_fault
from agenthands.schemas import Effects, Exchange, Request, Response, ToolSpec, World
from agenthands.schemas.world import place_of
from agenthands.world.matching import Recorded, asked_of

MOST_BODY, MOST_TEXT = 2_000_000, 64_000_000
"""Characters of one body, and of all files and databases of a world."""
_SQL_SECONDS = 5.0
_SAYS = {"sqlite": "SQLite", "duckdb": "DuckDB"}
_TAKEN = {"type", "name", "description", "model_config"}


def world_faults(tool: ToolSpec) -> Iterator[str]:
    """Yield everything in a tool's effects, worlds and examples because of which it cannot be proven in them."""
    yield from _effect_faults(tool.effects)
    yield from _package_faults(tool)
    for name, world in tool.worlds.items():
        yield from (f"worlds.{name}{each}" for each in _faults_of(world, tool.effects))
    for number, example in enumerate(tool.examples, start=1):
        place = f"examples.{number}"
        if example.world and example.world not in tool.worlds:
            there = ", ".join(tool.worlds) or "none"
            yield f"{place}: there is no world {example.world!r}; there are {there}."
        if not example.world and tool.worlds:
            yield f"{place}: name its world; there are {', '.join(tool.worlds)}."
        if (example.requests or example.leaves) and not example.world:
            yield f"{place}: requests and what is left need a world."
        for request in example.requests:
            yield from (f"{place}.requests: {each}" for each in _request_faults(request, tool.effects))
        if example.leaves:
            yield from (f"{place}.leaves: {each}" for each in _leaves_faults(example.leaves, tool.effects))
    if tool.effects and not tool.worlds:
        yield "worlds: a tool that touches something is proven in worlds; record at least one, and name it in examples."
    unused = [name for name in tool.worlds if name not in {example.world for example in tool.examples}]
    if unused:
        yield f"worlds: no example happens in {', '.join(unused)}."


def _package_faults(tool: ToolSpec) -> Iterator[str]:
    named = {re.split(r"[^a-z0-9_.-]", each.lower())[0] for each in tool.dependencies}
    if any(each.kind == "duckdb" for each in tool.effects.databases) and "duckdb" not in named:
        yield "dependencies: a tool with a database of DuckDB needs the package duckdb."


def _effect_faults(effects: Effects) -> Iterator[str]:
    fields = [name for name, _ in effects.places()] + [each.name for each in effects.settings]
    fields += [name.lower() for name in effects.secrets]
    for name in dict.fromkeys(fields):
        if fields.count(name) > 1:
            yield f"effects: two of its settings would be named {name!r}."
        if name in _TAKEN or name.startswith("model_"):
            yield f"effects: a setting cannot be named {name!r}."
    hosts = [each.host for each in effects.http]
    yield from (
        f"effects.http: {host!r} appears more than once." for host in dict.fromkeys(hosts) if hosts.count(host) > 1
    )
    for setting in effects.settings:
        if fault := schema_fault(setting.accepts):
            yield f"effects.settings.{setting.name}: no JSON Schema: {fault}."
        else:
            default = misfits(setting.default, setting.accepts)
            yield from (f"effects.settings.{setting.name}.default{each}" for each in default)


def _faults_of(world: World, effects: Effects) -> Iterator[str]:
    yield from _http_faults(world, effects)
    yield from _file_faults(world, effects)
    yield from _table_faults(world, effects)
    if sum(map(len, (*world.files.values(), *world.binary.values(), *world.tables.values()))) > MOST_TEXT:
        yield f": its files and tables have more than {MOST_TEXT:,} characters; a sample is enough."
    if world.now and not _is_time(world.now):
        yield f".now: {world.now!r} is no time in ISO 8601."
    if effects.clock and not world.now:
        yield ".now: the tool may ask what time it is, so say what time it is there."
    yield from _value_faults(world, effects)


def _http_faults(world: World, effects: Effects) -> Iterator[str]:
    secrets = [value for value in world.secrets.values() if len(value) > 3]
    sound = True
    for number, exchange in enumerate(world.http, start=1):
        for fault in _exchange_faults(exchange, effects, secrets):
            sound = False
            yield f".http.{number}: {fault}"
    silent = any(exchange.response.fault == "no_answer" for exchange in world.http)
    if silent and not world.settings:
        yield (
            ".http: an answer never comes, and a tool that waits for it takes longer than it may: give it a setting "
            "for the time-out in effects.settings, and a small one in the settings of this world."
        )
    if sound:
        for request in Recorded(world).contradictions():
            yield f".http: {request} has several answers; give each its turn (1, 2, ...), or leave all but one out."


def _table_faults(world: World, effects: Effects) -> Iterator[str]:
    databases = {each.name: each for each in effects.databases}
    for name, sql in world.tables.items():
        if name not in databases:
            yield f".tables: {name!r} is no database of the effects; there are {', '.join(databases) or 'none'}."
        elif fault := sql_fault(sql, databases[name].kind):
            yield f".tables.{name}: {_SAYS[databases[name].kind]} says: {fault}."


def _value_faults(world: World, effects: Effects) -> Iterator[str]:
    undeclared = [name for name in world.secrets if name not in effects.secrets]
    yield from (f".secrets: {name} is not among effects.secrets." for name in undeclared)
    settings = {each.name: each for each in effects.settings}
    for name, value in world.settings.items():
        if name not in settings:
            yield f".settings: {name!r} is not among effects.settings."
        else:
            yield from (f".settings.{name}{each}" for each in misfits(value, settings[name].accepts))


def _exchange_faults(exchange: Exchange, effects: Effects, secrets: list[str]) -> Iterator[str]:
    yield from _request_faults(exchange.request, effects)
    for side in (exchange.request, exchange.response):
        if (length := _length(side)) > MOST_BODY:
            yield f"a body of {length:,} characters; at most {MOST_BODY:,} are played, and a few rows are enough."
    asked = [exchange.request.url, *(str(value) for value in exchange.request.query.values())]
    if any(secret in unquote_plus(text) for secret in secrets for text in asked):
        yield "a secret stands in the URL, where logs would show it; put it into a header."


def _request_faults(request: Request, effects: Effects) -> Iterator[str]:
    try:
        asked = asked_of(request)
    except ValueError as error:
        yield f"{request.url[:200]!r}: {error}."
        return
    declared = {each.host: each.methods for each in effects.http}
    host = asked.place[1]
    if host not in declared:
        yield f"the host {host!r} is not declared in effects.http; there are {', '.join(declared) or 'none'}."
    elif request.method not in declared[host]:
        yield f"effects.http declares {', '.join(declared[host])} for {host}, not {request.method}."


def _file_faults(world: World, effects: Effects) -> Iterator[str]:
    declared = {each.name for each in effects.files}
    paths = [*world.files, *world.binary]
    for path in paths:
        if not is_relative(path):
            yield f".files: {path!r} must be a relative path, with / and without .. in it."
        elif place_of(path) not in declared:
            yield (
                f".files: {path!r} must begin with the name of a declared file or folder; "
                f"effects.files has {', '.join(sorted(declared)) or 'none'}."
            )
    for name in sorted(declared):
        singles = [path for path in paths if place_of(path) == name and "/" not in path]
        if len(singles) > 1 or (singles and any(path.startswith(f"{name}/") for path in paths)):
            yield f".files: {name!r} is either one file, or a folder of several."
    for path, text in world.binary.items():
        if not _is_base64(text):
            yield f".binary: {path!r} is no base64."


def _leaves_faults(leaves: Any, effects: Effects) -> Iterator[str]:
    places = {name: each.access for name, each in effects.places()}
    for path in leaves.files:
        if not is_relative(path) or places.get(place_of(path)) != "write":
            yield f"files: {path!r} is in no file or folder that effects.files lets the tool write."
    for name in leaves.tables:
        if places.get(name) != "write":
            yield f"tables: {name!r} is no database that effects.databases lets the tool write."


def is_relative(path: str) -> bool:
    """Return whether a path of a world stays in it."""
    parts = path.split("/")
    return (
        0 < len(path) <= 500
        and path.isprintable()
        and "\\" not in path
        and not PurePosixPath(path).is_absolute()
        and not {"", ".", ".."} & set(parts)
    )


def sql_fault(sql: str, kind: str = "sqlite") -> str:
    """Return why SQL makes no database of a kind; empty if it does."""
    try:
        return str(killable("agenthands.world.tables:make_database", sql, "", kind, cpu_seconds=_SQL_SECONDS))
    except (UnfinishedError, RuntimeError) as error:
        return str(error)


def _length(side: Request | Response) -> int:
    if side.json_body is not None:
        return len(repr(side.json_body))
    return len(side.body or "")


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True


def _is_time(text: str) -> bool:
    try:
        return 1970 <= datetime.fromisoformat(text).year < 2200
    except ValueError:
        return False
