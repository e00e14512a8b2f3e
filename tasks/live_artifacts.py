"""Artifacts of a flow run that change while it runs, kept as they should be on the server.

A thread writes them, so that no step waits for the API, and one that changes often is written once a second. They are
for reading alone: where the API refuses one, the run goes on.
"""

from __future__ import annotations

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

from agenthands.events import Event, listening
from agenthands.masking import masked_json

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
            key=f"agenthands-{key}", type=kind, data=masked_json(data), description=description, flow_run_id=self._run
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
