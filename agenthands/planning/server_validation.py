"""Complaints about a plan's MCP servers: that there are such tools, that the request asks for what they do to the
world, and that their settings are theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agenthands.mcp.catalogue_server import CatalogueServer, ServerVariable, plain_value
from agenthands.mcp.ranking import fold
from agenthands.schemas import McpServer, Plan

_LONGEST_SETTING = 500


def server_complaints(
    plan: Plan, catalogue: Mapping[str, CatalogueServer], unusable: Mapping[str, Sequence[str]], request: str
) -> Iterator[str]:
    """Yield an exact complaint about everything in the plan's servers that cannot be built.

    `unusable` holds the reasons against servers of the catalogue, by id. A grant must quote the `request`, if that is
    known.
    """
    for server in plan.mcp_servers:
        if server.id in unusable:
            yield from unusable[server.id]
            continue
        known = catalogue.get(server.id)
        if known is None:
            usable = sorted(catalogue.keys() - unusable.keys())
            yield f"mcp_servers: there is no server {server.id!r}; there are {', '.join(usable)}."
            continue
        yield from _tool_complaints(server, known)
        yield from _grant_complaints(server, known, request)
        yield from _setting_complaints(server, known)


def _tool_complaints(server: McpServer, known: CatalogueServer) -> Iterator[str]:
    names = [tool.name for tool in known.tools if not tool.same_as]
    for name in server.tools:
        tool = known.tool(name)
        if tool is None:
            yield f"mcp_servers: {server.id} has no tool {name!r}; it has {', '.join(names)}."
        elif tool.same_as in server.tools:
            yield f"mcp_servers: {name!r} of {server.id} is {tool.same_as!r} under another name; list it once."


def _grant_complaints(server: McpServer, known: CatalogueServer, request: str) -> Iterator[str]:
    where = f"mcp_servers.{server.id}.grants"
    granted = {grant.tool: grant for grant in server.grants}
    needed = {tool.name: tool.effect for tool in known.beyond_reading(server.tools)}
    for name, does in needed.items():
        grant = granted.get(name)
        if grant is None:
            yield (
                f"{where}: {name!r} is marked [{does}]. Leave it out, unless the request asks for what it does; then "
                f"add a grant that quotes the words which ask for it."
            )
        elif grant.does != does:
            yield f"{where}: {name!r} is marked [{does}], not [{grant.does}]."
        elif request and fold(grant.asked_for) not in fold(request):
            yield (
                f"{where}: {grant.asked_for!r}, quoted for {name!r}, is not in the request. Quote its own words, "
                f"exactly as they stand there, or leave the tool out."
            )
    for name in granted.keys() - needed.keys():
        yield f"{where}: {name!r} needs no grant; it is not among the tools that are marked."


def _setting_complaints(server: McpServer, known: CatalogueServer) -> Iterator[str]:
    where = f"mcp_servers.{server.id}.settings"
    variables = {each.name: each for each in known.variables}
    settable = [each.name for each in known.variables if not each.secret]
    for name, value in server.settings.items():
        variable = variables.get(name)
        if variable is None:
            yield f"{where}: there is no {name!r}; there are {', '.join(settable) or 'none'}."
        elif variable.secret:
            yield f"{where}: {name!r} is a secret, which the user fills in; leave it out."
        elif fault := _fault(value, variable):
            yield f"{where}.{name}: {fault}."


def _fault(value: str, variable: ServerVariable) -> str:
    """Return what is wrong with a planned value; empty if nothing is."""
    try:
        plain_value(value)
    except ValueError as error:
        return f"it {error}"
    if not value.strip() or len(value) > _LONGEST_SETTING or set("'\"{}$`") & set(value):
        return f"it must be 1 to {_LONGEST_SETTING} characters without quotes, braces, $ and `; leave it out otherwise"
    if variable.choices and value not in variable.choices:
        return f"it must be one of {', '.join(variable.choices)}"
    if variable.path and not value.startswith("/"):
        return "a path must be absolute, because the agent may run in any folder; leave it out where the user says none"
    return ""
