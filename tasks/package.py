"""Assembles an agent's package."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

import agenthands.packaging.package as assembly
from agenthands._util.redaction import redact_bytes
from agenthands.environments.base import Environment
from agenthands.environments.nat_registry import NatRegistry
from agenthands.events import stage
from agenthands.mcp.setup import PlannedServer
from agenthands.packaging.archive import files_of
from agenthands.packaging.bundle import pack
from agenthands.schemas import Acceptance, Plan
from agenthands.store.workdirs import BuildContext
from agenthands.tasks import dependencies


@task(task_run_name="assemble", cache_policy=NO_CACHE)
def assemble_agent(
    build: BuildContext,
    plan: Plan,
    servers: Sequence[PlannedServer],
    registry: NatRegistry,
    environment: Environment,
) -> bytes:
    """Return the agent's package, redacted, as a .tar.gz."""
    settings = dependencies.settings_for(build.request.options())
    with stage(build.build_id, "assemble") as note:
        workspaces = {tool.name: build.tool_dir(tool.name) for tool in plan.custom_tools}
        model = settings.model("agent")
        files = assembly.assemble_agent(plan, workspaces, servers, registry, environment.lock, model)
        files = {name: redact_bytes(content) for name, content in files.items()}
        note.detail = f"{len(files)} files"
    return pack(files, plan.name)


def tell_outcome(
    build: BuildContext, plan: Plan, servers: Sequence[PlannedServer], bundle: bytes, tried: Acceptance
) -> bytes:
    """Return the package that was accepted or rejected, with what came of it in its README; nothing else differs."""
    model = dependencies.settings_for(build.request.options()).model("agent")
    files = {name: file.content for name, file in files_of(bundle).items()}
    told = assembly.with_outcome(files, plan, servers, model, tried)
    return pack({name: redact_bytes(content) for name, content in told.items()}, plan.name)
