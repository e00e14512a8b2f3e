"""Asks one model for the agent in a sandbox: with retries and its fallback, each call charged, logged and judged."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from typing import Any

from agenthands._util.redaction import redact_error
from agenthands.errors import AgentHandsError, ModelUnavailable
from agenthands.llm.adaptation import call_adapted_async
from agenthands.llm.budget import BudgetScope
from agenthands.llm.call_options import most_room
from agenthands.llm.error_mapping import silent
from agenthands.llm.gateway.base import GatewayCall, GatewayUsage, name_of
from agenthands.llm.gateway.request import Refusal
from agenthands.llm.gateway.streaming import on_model_loop
from agenthands.llm.gateway.thoughts import ThoughtMemory
from agenthands.llm.litellm_model import completion_options, require_window, stopped_by, was_cut
from agenthands.llm.litellm_setup import ProviderWords, load_litellm, provider_words
from agenthands.llm.prices import cost_of, saved_by_cache, tokens_of
from agenthands.llm.retry import call_with_retry_async, should_fall_back
from agenthands.llm.settings import ModelSettings
from agenthands.schemas import Tokens

_MAX_ERRORS = 100
_MAX_CALLS = 10_000
_REST = 20.0
_NO_ANSWER = "Try again later, choose another model, or give a test case more time: AGENTHANDS_CASE_SECONDS."
_KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


class ModelCalls:
    """The calls of one model of an agent; what is wrong with it says nothing of the agent's others."""

    def __init__(
        self, settings: ModelSettings, usage: GatewayUsage, scope: BudgetScope, hangs_after: float, role: str
    ) -> None:
        """Keep the settings; a call that is cut off after `hangs_after` seconds is the model's fault."""
        self._settings, self._usage, self._scope = settings, usage, scope
        self._hangs_after, self._role = hangs_after, role
        self._refused: tuple[float, Refusal] | None = None
        self._thoughts = ThoughtMemory()

    async def complete(self, passed: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of the model or its fallback, and charge it. Raises Refusal with the provider's error."""
        self._usage.requests += 1
        if self._refused and time.monotonic() < self._refused[0]:
            raise self._refused[1]  # otherwise an agent that asks again would wait each time
        started = time.time()

        async def call(model: ModelSettings) -> tuple[ModelSettings, Any]:
            messages = self._thoughts.restored(passed["messages"], model.model)
            require_window(model, messages)
            options = {**passed, **completion_options(model), "messages": messages}
            most = most_room(model.wanted)
            while True:
                response = await self._answered(model, options, started)
                if not was_cut(response) or options["max_tokens"] >= most:
                    return model, response
                if await asyncio.to_thread(self._scope.exhausted):
                    return model, response  # no further call begins; the agent gets what there is
                options["max_tokens"] = min(most, 2 * options["max_tokens"])

        try:
            model, response = await call_with_retry_async(self._settings, call, self._scope.note_cut_off)
        except asyncio.CancelledError:
            self._note_cut_off(started)
            raise
        except AgentHandsError as fault:
            refusal = self._refusal(fault)
            self._log(started, error=str(refusal))
            raise refusal from None
        answer: dict[str, Any] = response.model_dump(mode="json", exclude_none=True)
        for choice in answer["choices"]:
            choice["message"].setdefault("content", None)
            self._thoughts.keep(choice["message"], model.model)
        return {**answer, "model": name_of(self._role)}

    async def _answered(self, model: ModelSettings, options: Mapping[str, Any], started: float) -> Any:
        """Make one call and charge it. Raises litellm's errors, or ModelSilent for an answer without choices."""
        litellm = load_litellm()
        try:
            with provider_words() as words:
                response = await call_adapted_async(
                    model, options, lambda **each: on_model_loop(litellm.acompletion(**each))
                )
        except asyncio.CancelledError:
            self._scope.note_cut_off(model.model)
            raise
        await self._count(model, response, words, started)
        self._usage.by_fallback |= model is not self._settings
        if not response.choices:
            raise silent(model.model, stopped_by(response, words))
        return response

    async def _count(self, model: ModelSettings, response: Any, words: ProviderWords, started: float) -> None:
        """Charge and log an answer, with the reason if it is empty."""
        tokens, cost = tokens_of(response), cost_of(load_litellm(), response, model)
        await asyncio.to_thread(self._scope.charge, cost, tokens, 1, model.model, saved_by_cache(model, tokens))
        message = response.choices[0].message if response.choices else None
        error = ""
        if message is not None and not message.content and not message.tool_calls:
            error = silent(model.model, stopped_by(response, words)).message
            self._note(error)
        self._log(started, model.model, tokens, cost, error)

    def _refusal(self, fault: AgentHandsError) -> Refusal:
        error = fault.__cause__ or fault
        status = getattr(error, "status_code", None)
        status = status if isinstance(status, int) and 400 <= status < 600 else 502
        kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "api_error")
        # A provider that refuses a key likes to quote it.
        text = "the provider refuses the key" if status in (401, 403) else redact_error(str(error))[:300]
        message = f"{self._settings.model}: {type(error).__name__}: {text or 'no message'}"
        self._note(message)
        refusal = Refusal(status, kind, type(error).__name__, message)
        if should_fall_back(fault) or status in (401, 403, 404):
            self._blame_model(fault, refusal)
        return refusal

    def _note_cut_off(self, started: float) -> None:
        """Record a call whose caller has gone: a model that hung until the test case ended is at fault."""
        model, seconds = self._settings.model, time.time() - started
        message = f"{model} does not answer: a call was cut off after {seconds:.0f} s, when its test case ended."
        self._note(message)
        self._log(started, error=message)
        if seconds >= self._hangs_after:
            self._blame_model(ModelUnavailable(message, _NO_ANSWER), Refusal(408, "api_error", "cut_off", message))

    def _blame_model(self, fault: AgentHandsError, refusal: Refusal) -> None:
        """Keep a fault that is not the agent's, and refuse further calls for a while."""
        self._usage.fault = fault
        self._refused = time.monotonic() + (_REST if fault.retryable else math.inf), refusal

    def _log(
        self, started: float, model: str = "", tokens: Tokens | None = None, cost: float | None = None, error: str = ""
    ) -> None:
        calls = self._usage.calls
        if len(calls) < _MAX_CALLS:
            seconds = round(time.time() - started, 3)
            name = model or self._settings.model
            calls.append(GatewayCall(started, name, seconds, tokens or Tokens(), cost, error, self._role))

    def _note(self, message: str) -> None:
        errors = self._usage.errors
        if len(errors) < _MAX_ERRORS:
            errors.append(message)
