"""What a plan's tools and servers need, all at once: the NAT environment, and an environment for each MCP server."""

from collections.abc import Sequence

from prefect.futures import PrefectFuture

from agenthands.events import Notice, emit, stage
from agenthands.models import Plan
from agenthands.ports import Environment
from agenthands.server_preparation import PreparedServers, ReadyServer, UnusableServer
from agenthands.workplace import Build
from tasks.environment import prepare_environment, prepare_server


def prepare(build: Build, plan: Plan, base: Environment) -> tuple[Environment, PreparedServers]:
    """Give the environment of the plan's tools, and what became of its servers; `base` is NAT alone."""
    futures = [prepare_server.submit(build, server) for server in plan.mcp_servers]
    needed = plan.dependencies()
    environment = prepare_environment(build, needed) if needed else base
    return environment, _servers(build, futures)


def _servers(build: Build, futures: Sequence[PrefectFuture[ReadyServer | UnusableServer]]) -> PreparedServers:
    with stage(build.build_id, "servers") as note:
        prepared = PreparedServers.of(future.result() for future in futures)
        for complaint in (each for server in prepared.unusable.values() for each in server):
            emit(Notice(build.build_id, complaint))
        pins = [f"{each.planned.entry.id} {each.planned.entry.version}" for each in prepared.ready]
        note.detail = ", ".join([*pins, *(f"{name} cannot be used" for name in prepared.unusable)])
    return prepared
