"""What the planner is shown of the catalogue: the servers that fit, their tools with marks, long lists shortened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from agenthands.mcp.catalogue_server import CatalogueServer, ServerTool
from agenthands.mcp.ranking import Ranking, rank_servers

_DESCRIBED = 12


@dataclass(frozen=True)
class ShownServer:
    """A server; `described` are the tools shown with their descriptions, `named` the other names by their mark."""

    server: CatalogueServer
    described: Sequence[ServerTool]
    named: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Offer:
    """The servers that fit a request, and all others; nothing was `understood` where no word of it is known."""

    shown: Sequence[ShownServer]
    others: Sequence[ShownServer]
    understood: bool


def offer_servers(catalogue: Mapping[str, CatalogueServer], request: str, limit: int) -> Offer:
    """Return what to show for a request: at most `limit` servers in full, all others with the names of their tools."""
    ranking: Ranking = rank_servers(catalogue, request, limit)
    return Offer(
        [shown_server(server, _DESCRIBED) for server in ranking.shown],
        [shown_server(server, 0) for server in ranking.others],
        ranking.understood,
    )


def shown_server(server: CatalogueServer, described: int) -> ShownServer:
    """Return a server with at most `described` descriptions, those of tools that only read first; variants are left
    out, and no other name is."""
    once = [tool for tool in server.tools if not tool.same_as]
    first = sorted(once, key=lambda tool: tool.effect != "reads")[:described]
    rest = sorted((tool for tool in once if tool not in first), key=lambda tool: (tool.effect != "reads", tool.effect))
    named = {mark: [tool.name for tool in tools] for mark, tools in groupby(rest, key=lambda tool: tool.effect)}
    return ShownServer(server, [tool for tool in once if tool in first], named)
