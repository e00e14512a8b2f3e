"""Assemble the package."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

import agenthands.assembly as assembly
from agenthands.agent_config import PlannedServer
from agenthands.bundling import pack
from agenthands.events import stage
from agenthands.masking import masked_bytes
from agenthands.models import Plan
from agenthands.nat_registry import NatRegistry
from agenthands.ports import Environment
from agenthands.workplace import Build
from tasks import wiring


@task(task_run_name="assemble", cache_policy=NO_CACHE)
def assemble_agent(
    build: Build,
    plan: Plan,
    servers: Sequence[PlannedServer],
    registry: NatRegistry,
    environment: Environment,
) -> bytes:
    """Give the package as .tar.gz."""
    settings = wiring.settings_for(build.request.options())
    with stage(build.build_id, "assemble") as note:
        workspaces = {tool.name: build.made(tool.name) for tool in plan.custom_tools}
        model = settings.model("agent").model
        files = assembly.assemble_agent(plan, workspaces, servers, registry, environment.lock, model)
        files = {name: masked_bytes(content) for name, content in files.items()}
        note.detail = f"{len(files)} files"
    return pack(files, plan.name)
