"""Measures the spending of an SDK conversation, by model, and charges it while the conversation runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from agenthands.coding.base import CodingTask
from agenthands.llm.call_options import route
from agenthands.llm.prices import price_per_token, saved_by_cache
from agenthands.llm.settings import ModelSettings
from agenthands.schemas import Tokens, add_costs


class Part(BaseModel):
    """The cost of the calls of one model. `cost_usd` is 0 if the price is unknown."""

    cost_usd: float = 0.0
    tokens: Tokens = Tokens()
    calls: int = 0


class Spent(BaseModel):
    """The spending of a conversation in all its turns, including its summaries."""

    model_config = ConfigDict(extra="forbid")

    models: dict[str, Part] = {}

    def since(self, before: Spent) -> dict[str, Part]:
        """Return the spending since `before`, by the models that were called."""
        parts = {}
        for model, now in self.models.items():
            then = before.models.get(model, Part())
            if (calls := now.calls - then.calls) > 0:
                cost = max(0.0, now.cost_usd - then.cost_usd)
                parts[model] = Part(cost_usd=cost, tokens=now.tokens - then.tokens, calls=calls)
        return parts


class Prices:
    """Knows which of a coder's models have a price."""

    def __init__(self, settings: ModelSettings) -> None:
        """Look the prices up once, because litellm is slow."""
        models = [settings, *([settings.fallback] if settings.fallback else [])]
        self._known = {model.model: price_per_token(model) is not None for model in models}
        self._models = {model.model: model for model in models}
        self._names = {route(model.model): model.model for model in models}

    def of(self, model: str, part: Part) -> float | None:
        """Return the cost of a part in US dollars; None if the price of its model is unknown."""
        return part.cost_usd if self._known.get(self.name_of(model), False) else None

    def saved(self, model: str, part: Part) -> float:
        """Return what the provider's cache of prompts saved of a part, in US dollars."""
        settings = self._models.get(self.name_of(model))
        return saved_by_cache(settings, part.tokens) if settings else 0.0

    def name_of(self, model: str) -> str:
        """Return the model's name as its user wrote it, for one as the SDK knows it."""
        return self._names.get(model, model)

    def total(self, parts: Mapping[str, Part]) -> float | None:
        """Return the cost of all parts in US dollars; None if a price is unknown."""
        return add_costs(*(self.of(model, part) for model, part in parts.items()))


def spent(conversation: Any) -> Spent:
    """Return the spending of a conversation, by the models' names as the SDK knows them."""
    parts: dict[str, Part] = {}
    for metrics in conversation.conversation_stats.usage_to_metrics.values():
        for usage in metrics.token_usages:
            part = parts.get(usage.model, Part())
            tokens = Tokens(
                prompt=usage.prompt_tokens,
                completion=usage.completion_tokens,
                cached=usage.cache_read_tokens,
                written=usage.cache_write_tokens,
            )
            parts[usage.model] = Part(cost_usd=part.cost_usd, tokens=part.tokens + tokens, calls=part.calls + 1)
        for cost in metrics.costs:
            part = parts.get(cost.model, Part())
            parts[cost.model] = part.model_copy(update={"cost_usd": part.cost_usd + cost.cost})
    return Spent(models=parts)


class UsageMeter:
    """Charges each model call of a turn at its first event, and stops the turn when a budget is reached.

    It also records that a fallback has answered.
    """

    def __init__(self, task: CodingTask, prices: Prices) -> None:
        """Keep the task; nothing is charged before `begin`."""
        self._scope, self._stand_in, self._prices = task.scope, task.stand_in, prices
        self._conversation: Any = None
        self._paid: Spent | None = None
        self._lock = threading.Lock()
        self.stop: Callable[[], None] = lambda: None

    def begin(self, conversation: Any, before: Spent) -> None:
        """Start charging what `conversation` spends beyond `before`."""
        self._conversation, self._paid = conversation, before

    def __call__(self, event: Any) -> None:
        """Charge at an event, and stop the turn if a budget is used up."""
        del event
        if self.charge() and self._scope.exhausted():
            self.stop()

    def note_fallback(self) -> None:
        """Create the file that records a fallback's answer, before the answer has any effect."""
        self._stand_in.parent.mkdir(parents=True, exist_ok=True)
        self._stand_in.touch()

    def note_cut_off(self, model: str) -> None:
        """Record a call of `model` that timed out."""
        self._scope.note_cut_off(model)

    def out_of_money(self) -> bool:
        """Charge what is due, and return whether a budget is used up."""
        self.charge()
        return bool(self._scope.exhausted())

    def charge(self) -> bool:
        """Charge the spending since the last charge, and return whether there was any."""
        with self._lock:
            if self._paid is None:
                return False
            now = spent(self._conversation)
            parts, self._paid = now.since(self._paid), now
        if parts:  # in one charge: it may raise, and would not be repeated
            entries = (
                self._scope.entry(
                    self._prices.of(model, part),
                    part.tokens,
                    part.calls,
                    self._prices.name_of(model),
                    self._prices.saved(model, part),
                )
                for model, part in parts.items()
            )
            self._scope.tracker.charge(*entries)
        return bool(parts)
