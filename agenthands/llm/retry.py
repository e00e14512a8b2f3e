"""Retries a model call when that can help, and calls the fallback when the model cannot be reached.

A rate limit, an outage and a dropped connection are retried, after the pause that the provider asks for or one that
doubles each time; a time-out once, if there is no fallback. A wrong key, an exhausted quota, a content filter and a bad
request are not retried: the answer would be the same.
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
    """Remembers which models have just failed, so that further calls go to their fallbacks without a wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[tuple[str, str | None], tuple[float, AgentHandsError]] = {}

    def fault(self, model: ModelSettings) -> AgentHandsError | None:
        """Return the fault of a model that is cooling down; None for one that may be called."""
        with self._lock:
            until, fault = self._until.get((model.model, model.api_base), (0.0, None))
        return fault if time.monotonic() < until else None

    def note(self, model: ModelSettings, fault: AgentHandsError) -> None:
        """Start the cooldown of a model if `fault` is one for which its fallback can stand in."""
        if should_fall_back(fault):
            with self._lock:
                self._until[model.model, model.api_base] = time.monotonic() + _REST, fault


_resting = CooldownRegistry()


def call_with_retry[T](
    settings: ModelSettings, call: Callable[[ModelSettings], T], cut_off: Callable[[str], None]
) -> T:
    """Call the model, with retries that can help, then its fallback. Raises AgentHandsError, from litellm's error.

    `cut_off` is called with the model's name for each call that times out.
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
    """Do the same as `call_with_retry` for an asynchronous call."""
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
    """Iterates over the models to call, one try after another, until one answers or no further try can help."""

    def __init__(self, settings: ModelSettings, cut_off: Callable[[str], None], made: int = 0) -> None:
        """Begin with the model itself, after `made` earlier tries; `cut_off` is called for each time-out."""
        self.cause: BaseException | None = None
        self._cut_off = cut_off
        self._models = [settings, *([settings.fallback] if settings.fallback else [])]
        self._faults: list[AgentHandsError] = []
        self._attempt = made

    def __iter__(self) -> Iterator[ModelSettings]:
        """Yield the model of each further try."""
        while self._models:
            model = self._models[0]
            if len(self._models) > 1 and (fault := _resting.fault(model)) and not self._attempt:
                self._give_up(model, fault)
                continue
            self._attempt += 1
            yield model

    def failed(self, model: ModelSettings, error: BaseException) -> float:
        """Record the exception of a call, and return the seconds to wait before the next try."""
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
        """Return the fault of the model, with that of its fallback in the message."""
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
    """Return the seconds to wait before try `attempt + 1`; None if there is to be none."""
    if not fault.retryable or attempt > settings.num_retries:
        return None
    if timed_out(error) and (attempt > 1 or settings.fallback):
        return None
    asked = asked_to_wait(error)
    if asked is not None:
        return min(asked, MAX_WAIT)
    return min(settings.retry_seconds * 2.0 ** (attempt - 1), _MAX_PAUSE)


def should_fall_back(fault: AgentHandsError) -> bool:
    """Return whether a fallback may answer when a model fails with this fault."""
    return isinstance(fault, ModelUnavailable | QuotaExhausted)
