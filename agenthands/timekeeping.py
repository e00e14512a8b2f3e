"""Notes when the stages of a build and the attempts at its tools began, and how long they took."""

from __future__ import annotations

from typing import Literal, NamedTuple

from agenthands.events import Event, StageFinished, ToolProgress
from agenthands.models import StageTime, ToolTurn

_DOING: dict[str, Literal["coding", "checking"]] = {
    "coding": "coding",
    "repairing": "coding",
    "checking": "checking",
}


class _Open(NamedTuple):
    attempt: int
    doing: Literal["coding", "checking"]
    at: float


class Timekeeper:
    """Listens to the events of one build. What has not ended is not noted."""

    def __init__(self, build_id: str, began: float) -> None:
        """Count from `began`, in seconds since the epoch."""
        self._build_id, self._began = build_id, began
        self._open: dict[str, _Open] = {}
        self.stages: list[StageTime] = []
        self.turns: list[ToolTurn] = []

    def __call__(self, event: Event) -> None:
        """Listen."""
        if event.build_id != self._build_id:
            return
        if isinstance(event, StageFinished):
            started = self._since(event.at - event.seconds)
            self.stages.append(StageTime(name=event.stage, seconds=event.seconds, started=started))
        elif isinstance(event, ToolProgress):
            self._note(event)

    def _note(self, event: ToolProgress) -> None:
        doing = _DOING.get(event.state)
        before = self._open.get(event.tool)
        if before and (before.attempt, before.doing) == (event.attempt, doing):
            return
        if before:
            seconds = round(max(0.0, event.at - before.at), 3)
            started = self._since(before.at)
            self.turns.append(
                ToolTurn(tool=event.tool, attempt=before.attempt, doing=before.doing, started=started, seconds=seconds)
            )
            del self._open[event.tool]
        if doing:
            self._open[event.tool] = _Open(event.attempt, doing, event.at)

    def _since(self, at: float) -> float:
        return round(max(0.0, at - self._began), 3)
