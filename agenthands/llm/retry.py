"""Calls a model again where that can help, and its fallback where the model does not answer.

A rate limit, an outage and a cut connection are tried again, after the pause that the provider asks for or one that
doubles; a time-out once, where no fallback stands by. A key, a quota, a content filter or a bad request are not: the
answer would be the same.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

from agenthands.errors import AgentHandsError, ModelUnavailable, QuotaExhausted
from agenthands.llm.error_mapping import MAX_WAIT, asked_to_wait, timed_out, to_agenthands_error
from agenthands.llm.settings import ModelSettings

_REST = 60.0
_MAX_PAUSE = 30.0


class CooldownRegistry:
    """Which models have failed a moment ago: they are not tried again at once, for each call would wait anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[tuple[str, str | None], tuple[float, AgentHandsError]] = {}

    def fault(self, model: ModelSettings) -> AgentHandsError | None:
        """Return what was wrong with a model that rests; None for one that may be asked."""
        with self._lock:
            until, fault = self._until.get((model.model, model.api_base), (0.0, None))
        return fault if time.monotonic() < until else None

    def note(self, model: ModelSettings, fault: AgentHandsError) -> None:
        """Let a model rest that its fallback can stand in for."""
        if should_fall_back(fault):
            with self._lock:
                self._until[model.model, model.api_base] = time.monotonic() + _REST, fault


_resting = CooldownRegistry()


def call_with_retry[T](
    settings: ModelSettings, call: Callable[[ModelSettings], T], cut_off: Callable[[str], None]
) -> T:
    """Call the model as often as it helps, then its fallback. Raises AgentHandsError, from what litellm raised.

    `cut_off` is told the model of each call whose time was over before it was answered.
    """
    tries = RetrySequence(settings, cut_off)
    for model in tries:
        try:
            return call(model)
        except Exception as error:
            pause = tries.failed(model, error)
        if pause:
            time.sleep(pause)
    raise tries.fault() from tries.cause


async def call_with_retry_async[T](
    settings: ModelSettings, call: Callable[[ModelSettings], Awaitable[T]], cut_off: Callable[[str], None]
) -> T:
    """Do as `call_with_retry` does."""
    tries = RetrySequence(settings, cut_off)
    for model in tries:
        try:
            return await call(model)
        except Exception as error:
            pause = tries.failed(model, error)
        if pause:
            await asyncio.sleep(pause)
    raise tries.fault() from tries.cause


class RetrySequence:
    """The models to call, one after the other, until one answers or nothing can help any more."""

    def __init__(self, settings: ModelSettings, cut_off: Callable[[str], None], made: int = 0) -> None:
        """Begin with the model itself, of whose tries `made` were made already; `cut_off` is told of time-outs."""
        self.cause: BaseException | None = None
        self._cut_off = cut_off
        self._models = [settings, *([settings.fallback] if settings.fallback else [])]
        self._faults: list[AgentHandsError] = []
        self._attempt = made

    def __iter__(self) -> Iterator[ModelSettings]:
        """Return the model of each further try."""
        while self._models:
            model = self._models[0]
            if len(self._models) > 1 and (fault := _resting.fault(model)) and not self._attempt:
                self._give_up(model, fault)
                continue
            self._attempt += 1
            yield model

    def failed(self, model: ModelSettings, error: BaseException) -> float:
        """Note what a call raised, and return the seconds to wait before the next one."""
        if timed_out(error):
            self._cut_off(model.model)
        fault = to_agenthands_error(error, model.model)
        pause = pause_before_retry(error, fault, self._attempt, model)
        rests = len(self._models) > 1 and _resting.fault(model)
        if pause is not None and not rests:
            return pause
        self.cause = self.cause or error
        self._give_up(model, fault)
        return 0.0

    def fault(self) -> AgentHandsError:
        """Return the fault of the model, and what its fallback said."""
        first, *others = self._faults
        said = "".join(f" Its fallback does not help: {other.message}" for other in others)
        return type(first)(first.message + said, first.hint)

    def _give_up(self, model: ModelSettings, fault: AgentHandsError) -> None:
        self._faults.append(fault)
        self._attempt = 0
        self._models = self._models[1:] if should_fall_back(fault) else []
        if self._models:
            _resting.note(model, fault)


def pause_before_retry(
    error: BaseException, fault: AgentHandsError, attempt: int, settings: ModelSettings
) -> float | None:
    """Return the seconds to wait before another try; None where there is none to be made."""
    if not fault.retryable or attempt > settings.num_retries:
        return None
    if timed_out(error) and (attempt > 1 or settings.fallback):
        return None
    asked = asked_to_wait(error)
    if asked is not None:
        return min(asked, MAX_WAIT)
    return min(settings.retry_seconds * 2.0 ** (attempt - 1), _MAX_PAUSE)


def should_fall_back(fault: AgentHandsError) -> bool:
    """Return whether another model may answer where this one has this fault."""
    return isinstance(fault, ModelUnavailable | QuotaExhausted)
