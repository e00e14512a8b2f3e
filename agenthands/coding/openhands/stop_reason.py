"""Describes how a turn of the SDK's agent ended, in words that a person understands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from agenthands._util.formatting import one_line
from agenthands.errors import AgentHandsError, ContentFiltered, ContextExceeded
from agenthands.llm.error_mapping import finish_reason, silent
from agenthands.llm.litellm_setup import ProviderWords

_RESULTS: dict[type[AgentHandsError], str] = {ContentFiltered: "refused", ContextExceeded: "error"}
_TOLD = 200


class Ending(NamedTuple):
    """How a turn ended: the status of its result, why in words, and the reason's code where it has one."""

    status: Any
    reason: str = ""
    code: str = ""


OUT_OF_TIME = "the time limit of the turn was reached"


class Silence:
    """Listens for empty answers, and keeps the provider's finish reason of the last one."""

    def __init__(self, words: ProviderWords) -> None:
        """Read the finish reasons from `words`, which records the provider's raw answers."""
        self._words = words
        self.reason = ""

    def __call__(self, event: Any) -> None:
        """Handle an event of the conversation."""
        if is_empty(event):
            self.reason = finish_reason(self._words.last)


def is_empty(event: Any) -> bool:
    """Return whether an event is an empty answer of the model."""
    return type(event).__name__ == "MessageEvent" and event.source == "agent" and not _text(event).strip()


def described(event: Any) -> str:
    """Return in a few words what the agent does in an action event."""
    action = event.action
    if command := getattr(action, "command", None):
        path = getattr(action, "path", None)
        return f"{command} {Path(path).name}" if path else f"$ {' '.join(str(command).split())}"
    return str(event.tool_name)


def ending(conversation: Any, model: str, silence: Silence, budget: str) -> Ending:
    """Return how a turn ended that ended without an error."""
    status = conversation.state.execution_status.value
    if status == "finished":
        return Ending("finished", _without_work(conversation))
    if status == "stuck":
        return _stuck(conversation, model, silence)
    if status == "paused" and budget:
        return Ending("out_of_budget", budget)
    if status == "paused":
        return Ending("out_of_time", OUT_OF_TIME)
    last = next((e for e in _newest(conversation) if type(e).__name__ == "ConversationErrorEvent"), None)
    code = getattr(last, "code", "")
    if code == "MaxIterationsReached":
        steps = conversation.max_iteration_per_run
        said = f"the agent was not ready after {steps} steps; the last was {_last_action(conversation)}"
        return Ending("out_of_steps", said)
    return Ending("error", one_line(str(getattr(last, "detail", "") or code), 500))


def ended_by(error: Any) -> Ending | None:
    """Return how a turn ended that an error ended, where the error is a result; else None."""
    waiting: BaseException | None = error.original_exception
    name = type(waiting).__name__
    while waiting is not None:
        if isinstance(waiting, AgentHandsError) and (status := _RESULTS.get(type(waiting))):
            return Ending(status, waiting.message.rstrip("."), waiting.code)
        waiting = waiting.__cause__
    if name == "NoCondensationAvailableException":
        said = "the conversation is longer than the model can read, and could not be shortened"
        return Ending("error", said, ContextExceeded.code)
    return None


def _stuck(conversation: Any, model: str, silence: Silence) -> Ending:
    last = next((e for e in _newest(conversation) if getattr(e, "source", "") == "agent"), None)
    if last is not None and is_empty(last):
        fault = silent(model, silence.reason)
        return Ending(_RESULTS.get(type(fault), "stuck"), fault.message.rstrip("."), fault.code)
    if error := getattr(last, "error", ""):
        return Ending("stuck", f"the agent repeated a tool call that cannot work: {one_line(str(error), _TOLD)}")
    return Ending("stuck", f"the agent repeated itself: {_last_action(conversation)}")


def _without_work(conversation: Any) -> str:
    """Return a reason if a turn called no tool; empty if it called any, including the finish tool."""
    for event in _newest(conversation):
        if type(event).__name__ == "ActionEvent":
            return ""
        if type(event).__name__ == "MessageEvent" and event.source == "user":
            break
    said = next((_text(e) for e in _newest(conversation) if type(e).__name__ == "MessageEvent"), "")
    return f"the model answered with text and called no tool: {json.dumps(one_line(said, _TOLD), ensure_ascii=False)}"


def _last_action(conversation: Any) -> str:
    last = next((e for e in _newest(conversation) if type(e).__name__ == "ActionEvent"), None)
    return one_line(described(last), _TOLD) if last is not None else "an answer without a tool call"


def _newest(conversation: Any) -> Iterator[Any]:
    return iter(reversed(conversation.state.events))


def _text(event: Any) -> str:
    return "".join(getattr(part, "text", "") for part in event.llm_message.content)
