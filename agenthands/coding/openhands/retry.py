"""Our retry policy for the SDK's model calls: pauses, the fallback, and when to end the turn.

The SDK asks its fallback strategy about every error of a call after its own retries, of which there are none here. Its
built-in strategy reads models from files, and its built-in retries ignore the wait that a provider asks for. We cannot
subclass its LLM, because the SDK does not track what a subclass spends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from openhands.sdk import LLM
from openhands.sdk.llm.fallback_strategy import FallbackStrategy
from pydantic import PrivateAttr

from agenthands.coding.openhands.usage import UsageMeter
from agenthands.errors import ContentFiltered, ContextExceeded
from agenthands.llm.error_mapping import to_agenthands_error
from agenthands.llm.retry import RetrySequence
from agenthands.llm.settings import ModelSettings


class RetryStrategy(FallbackStrategy):
    """Retries a call when that can help, then calls the fallback. Belongs to one LLM."""

    fallback_llms: list[str] = []
    _settings: ModelSettings = PrivateAttr()
    _llm: LLM = PrivateAttr()
    _fallback: LLM | None = PrivateAttr(default=None)
    _stopped: threading.Event = PrivateAttr()
    _payer: UsageMeter = PrivateAttr()
    _last: tuple[type, int] | None = PrivateAttr(default=None)

    def guard(
        self,
        llm: LLM,
        fallback: LLM | None,
        settings: ModelSettings,
        stopped: threading.Event,
        payer: UsageMeter,
    ) -> None:
        """Become the strategy of `llm`; no further try begins once the turn is stopped or a budget is used up."""
        self._llm, self._fallback, self._settings = llm, fallback, settings
        self._stopped, self._payer = stopped, payer
        llm.fallback_strategy = self

    def should_fallback(self, error: Exception) -> bool:
        """Return True: `try_fallback` handles every error."""
        del error
        return True

    def try_fallback(
        self, primary_model: str, primary_error: Exception, primary_metrics: Any, call_fn: Callable[[Any], Any]
    ) -> Any:
        """Return the answer of a further try; None leaves the error to the SDK, which asks again or condenses.

        Raises AgentHandsError if no try helps.
        """
        fault = to_agenthands_error(primary_error, primary_model)
        if isinstance(fault, ContentFiltered | ContextExceeded):
            if self._is_the_second(type(fault), primary_metrics):
                raise fault from primary_error
            return None
        tries = RetrySequence(self._settings, self._payer.note_cut_off, made=1)
        pause = tries.failed(self._settings, primary_error)
        for model in tries:
            if self._payer.out_of_money() or self._stopped.wait(pause):
                return None
            llm = self._llm if model is self._settings else self._fallback
            assert llm is not None
            try:
                return self._called(llm, primary_metrics, call_fn)
            except Exception as error:
                pause = tries.failed(model, error.__cause__ or error)
        raise tries.fault() from tries.cause

    def _is_the_second(self, kind: type, metrics: Any) -> bool:
        """Return whether the previous call failed in the same way, with no answer since."""
        now = kind, len(metrics.token_usages)
        again, self._last = self._last == now, now
        return again

    def _called(self, llm: LLM, metrics: Any, call_fn: Callable[[Any], Any]) -> Any:
        """Call once, without a strategy; the cost of a fallback is added to `metrics` of the model that it replaces."""
        before = llm.metrics.deep_copy()
        strategy, llm.fallback_strategy = llm.fallback_strategy, None
        try:
            answer = call_fn(llm)
            if llm is not self._llm:
                self._payer.note_fallback()
            return answer
        finally:
            llm.fallback_strategy = strategy
            if llm is not self._llm:
                metrics.merge(llm.metrics.diff(before))
