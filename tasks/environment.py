"""Prepare the NAT environment, and an environment for each MCP server."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from agenthands import server_preparation
from agenthands.events import stage
from agenthands.models import McpServer
from agenthands.nat_registry import NatRegistry, read_registry
from agenthands.ports import Environment
from agenthands.server_preparation import ReadyServer, UnusableServer
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


@task(task_run_name="server-{server.id}", cache_policy=NO_CACHE, **RETRY_OUTSIDE)
def prepare_server(build: Build, server: McpServer) -> ReadyServer | UnusableServer:
    """Install one MCP server, exactly the catalogue's version, into an environment of its own, and start it once."""
    settings = wiring.settings_for(build.request.options())
    scratch = build.folder / "servers" / server.id
    scratch.mkdir(parents=True, exist_ok=True)
    return server_preparation.prepare_server(
        server,
        wiring.catalogue_for(settings)[server.id],
        wiring.environments_for(settings),
        wiring.sandbox_for(settings),
        scratch,
    )
