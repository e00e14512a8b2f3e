"""Keeps the signatures of thoughts for an agent whose client drops them, and gives them back with the next call.

Gemini 3 wants the signature of each step's first function call back, Claude its signed thinking block
(https://ai.google.dev/gemini-api/docs/thought-signatures,
https://platform.claude.com/docs/en/build-with-claude/extended-thinking). Most clients of OpenAI's API know neither, and
litellm then sends a placeholder or turns thinking off: the model would be judged without its thoughts.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MOST = 4096
_LONGEST_ID = 40  # OpenAI takes no longer ones; litellm appends Gemini's signature to them
_OF_MESSAGE = ("thinking_blocks", "provider_specific_fields", "reasoning_content", "reasoning_items")


@dataclass(frozen=True)
class _Kept:
    """What a model's answer had beside its text and its calls, and the ids and fields of these calls."""

    model: str
    message: Mapping[str, Any]
    calls: Mapping[str, Mapping[str, Any]]


class ThoughtMemory:
    """Remembers the answers of one gateway; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def keep(self, message: dict[str, Any], model: str) -> None:
        """Remember what belongs to the thoughts of an answer, and give its calls ids that every client can carry."""
        calls = {}
        for call in message.get("tool_calls") or []:
            own = _short(str(call.get("id") or ""))
            calls[own] = {name: call[name] for name in ("id", "provider_specific_fields") if call.get(name)}
            call["id"] = own
        extras = {name: message[name] for name in _OF_MESSAGE if message.get(name)}
        keys = [*calls, *([_of_text(message["content"])] if extras and message.get("content") else [])]
        with self._lock:
            for key in keys:
                self._kept[key] = _Kept(model, extras, calls)
                self._kept.move_to_end(key)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)

    def restored(self, messages: Sequence[Mapping[str, Any]], model: str) -> list[dict[str, Any]]:
        """Return the messages as `model` wants them: with its own thoughts, and without another model's."""
        ids: dict[str, str] = {}
        return [self._restored(message, model, ids) for message in messages]

    def _restored(self, message: Mapping[str, Any], model: str, ids: dict[str, str]) -> dict[str, Any]:
        if message.get("role") == "tool":
            own = str(message.get("tool_call_id") or "")
            return {**message, "tool_call_id": ids.get(own, own)}
        if message.get("role") != "assistant":
            return dict(message)
        kept = self._of(message)
        if kept is None:
            return dict(message)
        plain = {name: value for name, value in message.items() if name not in _OF_MESSAGE}
        calls = [dict(call) for call in message.get("tool_calls") or []]
        if kept.model != model:
            for call in calls:
                call.pop("provider_specific_fields", None)
            return {**plain, "tool_calls": calls} if calls else plain
        for call in calls:
            fields = kept.calls.get(str(call.get("id")), {})
            ids[str(call.get("id"))] = str(fields.get("id", call.get("id")))
            call |= fields
        return {**plain, **kept.message, **({"tool_calls": calls} if calls else {})}

    def _of(self, message: Mapping[str, Any]) -> _Kept | None:
        calls = message.get("tool_calls") or []
        first = calls[0] if isinstance(calls, list) and calls and isinstance(calls[0], Mapping) else {}
        content = message.get("content")
        key = str(first.get("id")) if first else _of_text(content) if isinstance(content, str) else ""
        with self._lock:
            return self._kept.get(key)


def _short(identity: str) -> str:
    if len(identity) <= _LONGEST_ID:
        return identity
    return f"call_{hashlib.sha256(identity.encode()).hexdigest()[:28]}"


def _of_text(text: str) -> str:
    return f"text:{hashlib.sha256(text.encode(errors='replace')).hexdigest()}"
