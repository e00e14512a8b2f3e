"""Collects what a build does, costs and leaves, and turns it into its record."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from agenthands.events import Event
from agenthands.models import (
    Acceptance,
    BuildRecord,
    McpServerPin,
    Spending,
    Status,
    Tokens,
    ToolOutcome,
    add_costs,
)
from agenthands.planning import Planned
from agenthands.ports import Environment
from agenthands.prompting import prompt_hashes
from agenthands.purse import Purse
from agenthands.server_preparation import ReadyServer
from agenthands.timekeeping import Timekeeper
from agenthands.workplace import Build

_VERSIONS = ("agenthands", "prefect", "openhands-sdk", "openhands-tools", "litellm")


class Ledger:
    """Notes of one build; what is never noted stays empty in the record."""

    def __init__(self, build: Build, models: Mapping[str, str], purse: Purse) -> None:
        """Begin now. `models` names the model of each role; what they cost is read from `purse`."""
        self._build, self._models, self._purse = build, dict(models), purse
        self._started = time.time()
        self._times = Timekeeper(build.build_id, self._started)
        self._versions = {name: version(name) for name in _VERSIONS}
        self.planned: Planned | None = None
        self.environment: Environment | None = None
        self.servers: list[McpServerPin] = []
        self.tools: list[ToolOutcome] = []
        self.acceptance: Acceptance | None = None

    def __call__(self, event: Event) -> None:
        """Listen: note when stages and the attempts at tools began, and how long they took."""
        self._times(event)

    def note_version(self, name: str, number: str) -> None:
        """Note the version of something that is not installed in this process' environment."""
        self._versions[name] = number

    def note_servers(self, servers: Sequence[ReadyServer]) -> None:
        """Note the MCP servers as they were installed and seen."""
        self.servers = [
            McpServerPin(
                id=server.planned.entry.id,
                version=server.planned.entry.version,
                package=server.planned.entry.package,
                lock_sha256=server.environment.lock_sha256,
                tools_sha256=server.tools_sha256,
                tools={tool.name: tool.description for tool in server.planned.entry.tools},
            )
            for server in servers
        ]

    def record(self, status: Status, reason: str) -> BuildRecord:
        """Give the record as of now; the files are noted when they are published."""
        return BuildRecord(
            build_id=self._build.build_id,
            request=self._build.request,
            plan=self.planned.plan if self.planned else None,
            status=status,
            reason=reason,
            tools=self.tools,
            **spent(self._purse.spending),
            acceptance=self.acceptance,
            seconds=round(time.time() - self._started, 3),
            started_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._started)),
            stages=self._times.stages,
            turns=self._times.turns,
            models=self._models,
            prompts=prompt_hashes(),
            versions=self._versions,
            environment_lock_sha256=self.environment.lock_sha256 if self.environment else None,
            mcp_servers=self.servers,
        )


def spent(spending: Sequence[Spending]) -> dict[str, Any]:
    """Give the fields of a record that tell what was spent: the entries and their sums."""
    return {
        "spending": list(spending),
        "cost_usd": add_costs(*(each.cost_usd for each in spending)),
        "tokens": sum((each.tokens for each in spending), Tokens()),
    }
