"""Prepares the NAT environment, and an environment for each MCP server."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from agenthands.environments.base import Environment
from agenthands.environments.nat_registry import NatRegistry, read_registry
from agenthands.events import stage
from agenthands.mcp import setup as server_preparation
from agenthands.mcp.setup import ReadyServer, ServerFinding, UnusableServer
from agenthands.schemas import McpServer
from agenthands.store.cache_keys import lock_key, server_key
from agenthands.store.workdirs import BuildContext
from agenthands.tasks import dependencies
from agenthands.tasks.result_cache import cached, result_of, skip_cache
from agenthands.tasks.retries import RETRY_OUTSIDE


@task(name="resolve", task_run_name="resolve", **RETRY_OUTSIDE)
def resolve_dependencies(build: BuildContext, requirements: Sequence[str]) -> str:
    """Return the lock of the NAT environment with the tools' dependencies."""
    return dependencies.installer_for(dependencies.settings_for(build.request.options())).resolve(requirements)


@task(name="install", task_run_name="install", cache_policy=NO_CACHE, **RETRY_OUTSIDE)
def install_environment(build: BuildContext, lock: str) -> Environment:
    """Return the environment of a lock, installed on this machine."""
    return dependencies.installer_for(dependencies.settings_for(build.request.options())).install(lock)


def prepare_environment(build: BuildContext, requirements: Sequence[str] = ()) -> Environment:
    """Return the NAT environment with the tools' dependencies, whose lock is cached for all machines."""
    settings = dependencies.settings_for(build.request.options())
    with stage(build.build_id, "environment") as note:
        lock = dependencies.installer_for(settings).resolve([])
        if requirements:
            key = lock_key(lock, requirements, settings.trusted_packages, settings.dependencies)
            resolving = cached(resolve_dependencies, key, settings)
            lock, _ = result_of(resolving(build, requirements, return_state=True))
        environment: Environment = install_environment(build, lock)
        note.detail = f"NAT, lock {environment.lock_sha256[:12]}"
        if requirements:
            note.detail += f", with {', '.join(requirements)}"
    return environment


@task(name="registry", task_run_name="registry", cache_policy=NO_CACHE)
def read_nat_registry(build: BuildContext, environment: Environment) -> NatRegistry:
    """Return the components that the installed NAT knows."""
    settings = dependencies.settings_for(build.request.options())
    scratch = build.folder / "registry"
    scratch.mkdir(exist_ok=True)
    return read_registry(environment, dependencies.sandbox_for(settings), scratch)


@task(task_run_name="examine-{server.id}", **RETRY_OUTSIDE)
def examine_server(build: BuildContext, server: McpServer) -> ServerFinding:
    """Install one MCP server, in exactly the catalogue's version, in its own environment, and start it once.

    Complaints are not cached, because they may be this machine's fault.
    """
    settings = dependencies.settings_for(build.request.options())
    scratch = build.folder / "servers" / server.id
    scratch.mkdir(parents=True, exist_ok=True)
    finding = server_preparation.examine_server(
        server,
        dependencies.catalogue_for(settings)[server.id],
        dependencies.installer_for(settings),
        dependencies.sandbox_for(settings),
        scratch,
    )
    if finding.complaints:
        skip_cache()
    return finding


@task(task_run_name="server-{server.id}", cache_policy=NO_CACHE, **RETRY_OUTSIDE)
def prepare_server(build: BuildContext, server: McpServer) -> ReadyServer | UnusableServer:
    """Return one MCP server of the plan, installed on this machine; its examination is cached for all machines."""
    settings = dependencies.settings_for(build.request.options())
    entry = dependencies.catalogue_for(settings)[server.id]
    state = cached(examine_server, server_key(entry, server, settings.trusted_packages), settings)(
        build, server, return_state=True
    )
    finding, _ = result_of(state)
    return server_preparation.prepare_server(server, entry, finding, dependencies.installer_for(settings))
