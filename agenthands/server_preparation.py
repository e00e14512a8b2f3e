"""Gets a plan's MCP servers ready: installed, started once, and found to be what the catalogue says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agenthands.agent_config import PlannedServer
from agenthands.errors import DependencyRefused, ServerUnusable
from agenthands.models import McpServer
from agenthands.ports import Environment, Environments, Sandbox
from agenthands.server_catalogue import CatalogueServer
from agenthands.server_probe import complaints_about, probe_server


@dataclass(frozen=True)
class ReadyServer:
    """A server of the plan as it was installed and seen."""

    planned: PlannedServer
    environment: Environment
    tools_sha256: str


@dataclass(frozen=True)
class UnusableServer:
    """A server of the plan that cannot be used, and why."""

    id: str
    complaints: Sequence[str]


@dataclass(frozen=True)
class PreparedServers:
    """What became of all servers of a plan."""

    ready: Sequence[ReadyServer]
    unusable: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, servers: Iterable[ReadyServer | UnusableServer]) -> PreparedServers:
        """Sort them."""
        every = list(servers)
        return cls(
            [server for server in every if isinstance(server, ReadyServer)],
            {server.id: server.complaints for server in every if isinstance(server, UnusableServer)},
        )

    def require_usable(self) -> None:
        """Raise ServerUnusable where one of them is not."""
        if self.unusable:
            complaints = [complaint for server in self.unusable.values() for complaint in server]
            raise ServerUnusable(
                f"The plan needs MCP servers that cannot be used: {' '.join(complaints)}",
                "Ask for an agent without them, or correct the catalogue (AGENTHANDS_CATALOGUE).",
            )


def prepare_server(
    wanted: McpServer, entry: CatalogueServer, environments: Environments, sandbox: Sandbox, scratch: Path
) -> ReadyServer | UnusableServer:
    """Install one server and start it once in `scratch`. Raises RegistryUnavailable or SandboxLost."""
    try:
        environment = environments.server(entry.registry, entry.package, entry.version, entry.as_of)
    except DependencyRefused as error:
        return UnusableServer(
            entry.id, [f"mcp_servers: {entry.id} {entry.version} cannot be installed: {error.message}"]
        )
    probe = probe_server(entry, environment, sandbox, scratch)
    if complaints := complaints_about(entry, wanted.tools, probe):
        return UnusableServer(entry.id, complaints)
    planned = PlannedServer(entry, wanted.tools, wanted.reasoning, environment.lock, environment.npm_lock)
    return ReadyServer(planned, environment, probe.tools_sha256)
