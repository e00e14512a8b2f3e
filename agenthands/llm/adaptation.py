"""Calls a model without what its server turns out not to take, and remembers that for the next call.

litellm leaves out what a model does not take, by its table. Of a server that it does not know (vLLM, LM Studio, a
gateway of a company) it knows nothing: such a server may refuse `response_format` or `reasoning_effort`, or count the
limit of output tokens against a small context window. A refused request costs nothing, so it is asked once more.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agenthands.errors import ContextExceeded, ModelNotUsable
from agenthands.llm.call_options import traits
from agenthands.llm.error_mapping import to_agenthands_error
from agenthands.llm.settings import ModelSettings

_HELPS = ("response_format", "reasoning_effort", "thinking")
_LIMIT = ("max_tokens",)


class RefusalMemory:
    """Remembers which options a server refused, by model and address."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: dict[tuple[str, str | None], frozenset[str]] = {}

    def known(self, model: ModelSettings) -> frozenset[str]:
        """Return the options that the server of a model refused before."""
        with self._lock:
            return self._refused.get((model.model, model.api_base), frozenset())

    def note(self, model: ModelSettings, options: frozenset[str]) -> None:
        """Remember that a call without these options was answered."""
        with self._lock:
            key = model.model, model.api_base
            self._refused[key] = self._refused.get(key, frozenset()) | options


_memory = RefusalMemory()


def call_adapted(model: ModelSettings, options: Mapping[str, Any], call: Callable[..., Any]) -> Any:
    """Return the answer of `call` with these options, or without those that the server refuses. Raises as `call`."""
    usable = _usable(model, options)
    try:
        return call(**usable)
    except Exception as error:
        dropped = _to_drop(model, usable, error)
        if not dropped:
            raise
        answer = call(**_without(usable, dropped))
    _memory.note(model, dropped)
    return answer


async def call_adapted_async(
    model: ModelSettings, options: Mapping[str, Any], call: Callable[..., Awaitable[Any]]
) -> Any:
    """Do the same as `call_adapted` for an asynchronous call."""
    usable = _usable(model, options)
    try:
        return await call(**usable)
    except Exception as error:
        dropped = _to_drop(model, usable, error)
        if not dropped:
            raise
    answer = await call(**_without(usable, dropped))
    _memory.note(model, dropped)
    return answer


def refused_options(model: ModelSettings) -> frozenset[str]:
    """Return the options that the server of a model refused in this process, for a client that makes its own calls."""
    return _memory.known(model)


def _usable(model: ModelSettings, options: Mapping[str, Any]) -> dict[str, Any]:
    return _without(options, _memory.known(model))


def _to_drop(model: ModelSettings, options: Mapping[str, Any], error: Exception) -> frozenset[str]:
    """Return the options without which the call may be taken; none if the error is about something else."""
    fault = to_agenthands_error(error, model.model)
    if type(fault) is ModelNotUsable:
        return frozenset(options.keys() & set(_HELPS))
    if isinstance(fault, ContextExceeded) and not traits(model.model).known:
        return frozenset(options.keys() & set(_LIMIT))
    return frozenset()


def _without(options: Mapping[str, Any], dropped: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in dropped}
