"""What an agent may do beside talking to its model, and how each of it was tried: one list for all who show it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from agenthands._util.formatting import count
from agenthands.schemas import Exchange, McpServer, Plan, ToolSpec
from agenthands.schemas.world import place_of

_DOES = {"read": "reads", "write": "changes"}


class Right(NamedTuple):
    """One thing that an agent may do: of what kind and name, what it does there, by which tools, and how it was tried.

    `tried` is empty where there is nothing to try, such as a setting.
    """

    kind: str
    name: str
    does: str
    by: str
    tried: str = ""


def rights_of(plan: Plan) -> list[Right]:
    """Return all that the plan lets its agents' tools and servers do; the same of several tools is one."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for right in (*(each for tool in plan.custom_tools for each in _of_tool(tool, plan)), *_of_servers(plan)):
        found.setdefault((right.kind, right.name, right.does, right.tried), []).append(right.by)
    return [Right(kind, name, does, ", ".join(by), tried) for (kind, name, does, tried), by in found.items()]


def imagined_sentence(plan: Plan) -> str:
    """Say what an agent's tools were proven with that nobody recorded; empty where there is no such thing."""
    hosts = [host for host, exchanges in _by_host(plan).items() if any(_is_imagined(each) for each in exchanges)]
    places = [
        name
        for tool in plan.custom_tools
        for name, _ in tool.effects.places()
        if tool.worlds and name not in _recorded_places(tool)
    ]
    parts = [f"the answers of {', '.join(sorted(hosts))}"] if hosts else []
    parts += [f"the content of {', '.join(dict.fromkeys(places))}"] if places else []
    return (
        f"Proven in imagined worlds: {' and '.join(parts)} were made up; the real ones were not tried." if parts else ""
    )


def _of_tool(tool: ToolSpec, plan: Plan) -> Iterator[Right]:
    effects = tool.effects
    answers = _by_host(plan)
    for each in effects.http:
        yield Right(
            "host", each.host, f"asks with {', '.join(each.methods)}", tool.name, _answers(answers.get(each.host, ()))
        )
    if tool.network:
        yield Right("host", "any", "asks", tool.name)
    for kind, places in (("file or folder", effects.files), ("database", effects.databases)):
        for place in places:
            does = _with(_DOES[place.access], place.description)
            yield Right(kind, place.name, does, tool.name, _samples(tool, place.name))
    if effects.clock:
        yield Right("clock", "time and date", "asks", tool.name)
    for secret in effects.secrets:
        yield Right("secret", secret, "uses as its key", tool.name)
    for setting in effects.settings:
        default = json.dumps(setting.default, ensure_ascii=False)
        yield Right("setting", setting.name, _with(f"{default} unless you set it", setting.description), tool.name)


def _of_servers(plan: Plan) -> Iterator[Right]:
    for server in plan.mcp_servers:
        granted = {grant.tool for grant in server.grants}
        if reading := [name for name in server.tools if name not in granted]:
            yield Right("MCP server", server.id, "reads", _named(server, reading))
        for grant in server.grants:
            yield Right("MCP server", server.id, server.granted(grant.tool), _named(server, [grant.tool]))


def _named(server: McpServer, tools: Sequence[str]) -> str:
    return ", ".join(f"{server.id}__{name}" for name in tools)


def _by_host(plan: Plan) -> Mapping[str, Sequence[Exchange]]:
    """Return the exchanges of all worlds by their host."""
    found: dict[str, list[Exchange]] = {}
    for tool in plan.custom_tools:
        for world in tool.worlds.values():
            for exchange in world.http:
                found.setdefault((urlsplit(exchange.request.url).hostname or "").lower(), []).append(exchange)
    return found


def _recorded_places(tool: ToolSpec) -> set[str]:
    """Return the files, folders and databases of a tool of which a world holds a part of the real one."""
    recorded = [world for world in tool.worlds.values() if world.origin == "recorded"]
    files = {place_of(path) for world in recorded for path in (*world.files, *world.binary)}
    return files | {name for world in recorded for name in world.tables}


def _samples(tool: ToolSpec, place: str) -> str:
    """Say with what a tool was proven that it finds in a place."""
    if not tool.worlds:
        return ""
    return "a sample of the real one, and imagined ones" if place in _recorded_places(tool) else "imagined samples"


def _answers(exchanges: Sequence[Exchange]) -> str:
    """Say how many answers of a host were recorded, until when, and how many imagined."""
    imagined = sum(_is_imagined(each) for each in exchanges)
    recorded = len(exchanges) - imagined
    day = max((each.at for each in exchanges if not _is_imagined(each)), default="")[:10]
    said = [f"{count(recorded, 'recorded answer')}{f' of {day}' if day else ''}"] if recorded else []
    said += [count(imagined, "imagined answer")] if imagined else []
    return " and ".join(said)


def _is_imagined(exchange: Exchange) -> bool:
    return exchange.origin == "imagined"


def _with(does: str, description: str) -> str:
    return f"{does} ({description.rstrip('.')})" if description else does
