"""Prepare the NAT environment, and one environment for each MCP server."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from agenthands.agent_config import PlannedServer
from agenthands.events import stage
from agenthands.models import Plan
from agenthands.nat_registry import NatRegistry, read_registry
from agenthands.ports import Environment
from agenthands.server_catalogue import load_catalogue
from agenthands.workplace import Build
from tasks import wiring
from tasks.retrying import RETRY_OUTSIDE


@task(cache_policy=NO_CACHE, **RETRY_OUTSIDE)
def prepare_environment(build: Build, dependencies: Sequence[str] = ()) -> Environment:
    """Give the NAT environment with the tools' dependencies."""
    settings = wiring.settings_for(build.request.options())
    with stage(build.build_id, "environment") as note:
        environment = wiring.environments_for(settings).nat(dependencies)
        note.detail = f"NAT, lock {environment.lock_sha256[:12]}"
        if dependencies:
            note.detail += f", with {', '.join(dependencies)}"
    return environment


@task(cache_policy=NO_CACHE)
def read_nat_registry(build: Build, environment: Environment) -> NatRegistry:
    """Give the components that the installed NAT knows."""
    settings = wiring.settings_for(build.request.options())
    scratch = build.folder / "registry"
    scratch.mkdir(exist_ok=True)
    return read_registry(environment, wiring.sandbox_for(settings), scratch)


@task(cache_policy=NO_CACHE, **RETRY_OUTSIDE)
def prepare_servers(build: Build, plan: Plan) -> list[tuple[PlannedServer, Environment]]:
    """Install the plan's MCP servers, exactly the catalogue's versions, each into an environment of its own."""
    settings = wiring.settings_for(build.request.options())
    catalogue = load_catalogue(settings.catalogue)
    environments = wiring.environments_for(settings)
    prepared = []
    with stage(build.build_id, "servers") as note:
        for server in plan.mcp_servers:
            entry = catalogue[server.id]
            environment = environments.server(entry.registry, entry.package, entry.version, entry.as_of)
            prepared.append(
                (
                    PlannedServer(entry, server.tools, server.reasoning, environment.lock, environment.npm_lock),
                    environment,
                )
            )
        note.detail = ", ".join(f"{each.entry.id} {each.entry.version}" for each, _ in prepared)
    return prepared
