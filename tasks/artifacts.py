"""Artifacts of a flow run that change while it runs, kept as they should be on the server.

A thread writes them, so that no step waits for the API, and one that changes often is written once a second. They are
for reading alone: where the API refuses one, the run goes on.
"""

from __future__ import annotations

import base64
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.exceptions import PrefectException
from prefect.utilities.context import get_task_and_flow_run_ids

from agenthands._util.formatting import money, one_line
from agenthands._util.redaction import redact, redact_json
from agenthands.events import BatchProgress, Event, StageFinished, ToolProgress, listening
from agenthands.reports.markdown import cost_rows, gate_markdown, plan_markdown, result_markdown
from agenthands.reports.plan_diagram import plan_svg
from agenthands.schemas import BuildRecord, GateReport, Plan
from agenthands.store.builds import build_prefix
from agenthands.store.workdirs import BuildContext
from agenthands.tasks import dependencies

_ROUND_SECONDS = 1.0
_END_SECONDS = 10.0
REFUSED = (httpx.HTTPError, PrefectException)


@dataclass
class _Artifact:
    """One artifact: as it should be (None where the server has that), and the server's id once it is there."""

    wanted: ArtifactCreate | None = None
    id: UUID | None = None


class LiveArtifacts(ABC):
    """Base: what listens to events while its context is open, and shows artifacts of the flow run around it."""

    def __init__(self) -> None:
        """Belong to the flow run of this context."""
        self._run = get_task_and_flow_run_ids()[1]
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._artifacts: dict[str, _Artifact] = {}
        self._percent = 0.0
        self._writer = threading.Thread(target=copy_context().run, args=(self._keep_written,), daemon=True)
        self._listening = listening(self)

    @abstractmethod
    def __call__(self, event: Event) -> None:
        """Listen to an event."""

    def __enter__(self) -> Self:
        """Listen, and write what is shown."""
        self._listening.__enter__()
        self._writer.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Write the last state."""
        self._listening.__exit__(None, None, None)
        self._ended.set()
        self._writer.join(_END_SECONDS)

    def show(self, key: str, kind: str, data: Any, description: str) -> None:
        """Show an artifact, or show it anew. `kind` and `data` are as Prefect defines them."""
        wanted = ArtifactCreate(
            key=f"agenthands-{key}", type=kind, data=redact_json(data), description=description, flow_run_id=self._run
        )
        with self._lock:
            self._artifacts.setdefault(key, _Artifact()).wanted = wanted

    def progress(self, percent: float, description: str) -> None:
        """Show how much is done; it never goes back."""
        if percent > self._percent:
            self._percent = percent
            self.show("progress", "progress", round(percent, 1), description)

    def _keep_written(self) -> None:
        last = False
        while not last:
            last = self._ended.wait(_ROUND_SECONDS)
            with self._lock:
                waiting = [each for each in self._artifacts.values() if each.wanted]
            if waiting:
                with suppress(*REFUSED), get_client(sync_client=True) as client:
                    for artifact in waiting:
                        self._write(client, artifact)

    def _write(self, client: SyncPrefectClient, artifact: _Artifact) -> None:
        with self._lock:
            wanted, artifact.wanted = artifact.wanted, None
        if wanted is None:
            return
        try:
            if artifact.id is None:
                artifact.id = client.create_artifact(wanted).id
            else:
                client.update_artifact(artifact.id, ArtifactUpdate(data=wanted.data))
        except REFUSED:
            with self._lock:
                artifact.wanted = artifact.wanted or wanted
            raise


_DONE_AFTER = {"environment": 10.0, "plan": 15.0, "servers": 20.0, "tools": 80.0, "assemble": 82.0, "accept": 98.0}
_ENDED = ("accepted", "rejected", "failed")


class BuildArtifacts(LiveArtifacts):
    """The artifacts of one build."""

    def __init__(self, build: BuildContext) -> None:
        """Belong to the flow run of this context."""
        super().__init__()
        self._build = build
        self._tools: dict[str, ToolProgress] = {}

    def __call__(self, event: Event) -> None:
        """Listen: keep the table of tools and the progress as they are."""
        if event.build_id != self._build.build_id:
            return
        if isinstance(event, ToolProgress):
            self._tools[event.tool] = event
            ended = sum(each.state in _ENDED for each in self._tools.values())
            before, after = _DONE_AFTER["servers"], _DONE_AFTER["tools"]
            self._reached(before + (after - before) * ended / len(self._tools))
            self.show("tools", "table", [_tool_row(each) for each in self._tools.values()], "Each tool, as it is now")
        elif isinstance(event, StageFinished) and not event.error:
            self._reached(_DONE_AFTER.get(event.stage, 0.0))

    def show_plan(self, plan: Plan) -> None:
        """Show the plan as text and as a graph."""
        self.show("plan", "markdown", plan_markdown(plan), "What is going to be built")
        picture = base64.b64encode(redact(plan_svg(plan)).encode()).decode()
        self.show("plan-graph", "image", f"data:image/svg+xml;base64,{picture}", "The plan as a graph")

    def show_result(self, record: BuildRecord) -> None:
        """Show costs, how it ended, and what was stored."""
        settings = dependencies.settings_for(self._build.request.options())
        self._reached(100.0)
        self.show("costs", "table", cost_rows(record), "US dollars and tokens")
        page = result_markdown(record, settings.web_url(build_prefix(record)))
        self.show("result", "markdown", page, "How it ended, and where everything is")

    def _reached(self, percent: float) -> None:
        self.progress(percent, "Of the whole build")


class BatchArtifacts(LiveArtifacts):
    """The artifacts of one batch."""

    def __init__(self) -> None:
        """Belong to the flow run of this context."""
        super().__init__()
        self._builds: dict[int, BatchProgress] = {}

    def __call__(self, event: Event) -> None:
        """Listen: keep the table of builds and the progress as they are."""
        if isinstance(event, BatchProgress):
            self._builds[event.number] = event
            self.progress(100 * len(self._builds) / event.count, "Of the whole batch")
            rows = [_build_row(self._builds[number]) for number in sorted(self._builds)]
            self.show("builds", "table", rows, "Each build that ended")


def show_gate_report(report: GateReport, attempt: int) -> None:
    """Show a gate report with the task run that made it."""
    task_run, flow_run = get_task_and_flow_run_ids()
    with suppress(*REFUSED), get_client(sync_client=True) as client:
        client.create_artifact(
            ArtifactCreate(
                key=f"agenthands-gate-{report.tool.replace('_', '-')}",
                type="markdown",
                data=redact(gate_markdown(report, attempt)),
                description=f"{report.tool}, attempt {attempt}",
                task_run_id=task_run,
                flow_run_id=flow_run,
            )
        )


def _tool_row(each: ToolProgress) -> dict[str, str | int]:
    return {
        "tool": one_line(each.tool, 80),
        "state": each.state,
        "attempt": each.attempt,
        "now": one_line(each.action, 200),
        "cost": money(each.cost_usd),
    }


def _build_row(each: BatchProgress) -> dict[str, str | int]:
    return {
        "build": each.number,
        "request": one_line(each.request, 200),
        "state": one_line(f"{each.status}, before" if each.cached else each.status, 80),
        "reason": one_line(each.reason, 300),
        "cost": money(each.cost_usd),
        "id": one_line(each.built, 80),
    }
