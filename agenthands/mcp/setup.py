"""Prepares a plan's MCP servers: installs them, starts each once, and compares them with the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agenthands.environments.base import Environment, EnvironmentInstaller
from agenthands.errors import DependencyRefused, ServerUnusable
from agenthands.mcp.catalogue_server import CatalogueServer, ServerTool
from agenthands.mcp.nat_view import view_by_nat, view_complaints
from agenthands.mcp.probe import probe_server, validate_tools
from agenthands.sandbox.base import Sandbox
from agenthands.schemas import Grant, McpServer


@dataclass(frozen=True)
class PlannedServer:
    """A server of the catalogue, what the plan says of it, and the locks of its environment."""

    entry: CatalogueServer
    tools: Sequence[str]
    reasoning: str
    lock: str
    npm_lock: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    grants: Sequence[Grant] = ()

    @property
    def used(self) -> Sequence[ServerTool]:
        """The tools that the plan uses, as the catalogue describes them."""
        return [tool for tool in self.entry.tools if tool.name in self.tools]


@dataclass(frozen=True)
class ReadyServer:
    """A server of the plan that is installed, with the hash of the tools that it listed."""

    planned: PlannedServer
    environment: Environment
    tools_sha256: str


class ServerFinding(BaseModel):
    """The result of installing a server and starting it once: its locks, and the complaints against using it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lock: str = ""
    npm_lock: str = ""
    tools_sha256: str = ""
    complaints: list[str] = []


@dataclass(frozen=True)
class UnusableServer:
    """A server of the plan that cannot be used, with the reasons."""

    id: str
    complaints: Sequence[str]


@dataclass(frozen=True)
class PreparedServers:
    """All servers of a plan: the ready ones, and the unusable ones by id with the reasons."""

    ready: Sequence[ReadyServer]
    unusable: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, servers: Iterable[ReadyServer | UnusableServer]) -> PreparedServers:
        """Sort `servers` into ready and unusable ones."""
        every = list(servers)
        return cls(
            [server for server in every if isinstance(server, ReadyServer)],
            {server.id: server.complaints for server in every if isinstance(server, UnusableServer)},
        )

    def require_usable(self) -> None:
        """Raise ServerUnusable if any server cannot be used."""
        if self.unusable:
            complaints = [complaint for server in self.unusable.values() for complaint in server]
            raise ServerUnusable(
                f"The plan needs MCP servers that cannot be used: {' '.join(complaints)}",
                "Ask for an agent without them, or correct the catalogue (AGENTHANDS_CATALOGUE).",
            )


def examine_server(
    wanted: McpServer, entry: CatalogueServer, environments: EnvironmentInstaller, sandbox: Sandbox, scratch: Path
) -> ServerFinding:
    """Install one server, start it once in `scratch`, and have NAT read its tools.

    Raises RegistryUnavailable or SandboxLost.
    """
    try:
        environment = environments.server(entry.registry, entry.package, entry.version, entry.as_of, entry.shipped)
    except DependencyRefused as error:
        reason = f"{error.message} {error.hint}".strip()
        return ServerFinding(complaints=[f"mcp_servers: {entry.id} {entry.version} cannot be installed: {reason}"])
    probe = probe_server(entry, environment, sandbox, scratch)
    complaints = validate_tools(entry, wanted.tools, probe)
    if not complaints:
        view = view_by_nat(entry, wanted.tools, probe, (environment, environments.nat()), sandbox, scratch)
        complaints = view_complaints(entry, wanted.tools, probe, view)
    return ServerFinding(
        lock=environment.lock,
        npm_lock=environment.npm_lock,
        tools_sha256=probe.tools_sha256,
        complaints=complaints,
    )


def prepare_server(
    wanted: McpServer, entry: CatalogueServer, finding: ServerFinding, environments: EnvironmentInstaller
) -> ReadyServer | UnusableServer:
    """Install the environment of an examined server. Raises DependencyRefused or RegistryUnavailable."""
    if finding.complaints:
        return UnusableServer(entry.id, finding.complaints)
    planned = PlannedServer(
        entry, wanted.tools, wanted.reasoning, finding.lock, finding.npm_lock, wanted.settings, wanted.grants
    )
    return ReadyServer(planned, environments.install(finding.lock, finding.npm_lock), finding.tools_sha256)
