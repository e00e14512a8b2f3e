"""What calls cost: tokens and prices of litellm's responses, and what a provider's cache of prompts saved."""

from __future__ import annotations

from typing import Any

from agenthands.llm.litellm_setup import load_litellm
from agenthands.llm.settings import ModelSettings
from agenthands.schemas import Tokens


def tokens_of(response: Any) -> Tokens:
    """Return the token usage of a litellm response; missing counts are 0."""
    usage = getattr(response, "usage", None)
    details = getattr(usage, "prompt_tokens_details", None)
    return Tokens(
        prompt=getattr(usage, "prompt_tokens", 0) or 0,
        completion=getattr(usage, "completion_tokens", 0) or 0,
        cached=getattr(details, "cached_tokens", 0) or 0,
        written=getattr(details, "cache_creation_tokens", 0) or 0,
    )


def cost_of(litellm: Any, response: Any, settings: ModelSettings) -> float | None:
    """Return the cost of a response in US dollars; None if the price is unknown."""
    price = price_per_token(settings)
    if price is None:
        return None
    if not known_to_litellm(settings):
        tokens = tokens_of(response)
        return tokens.prompt * price[0] + tokens.completion * price[1]
    try:
        return float(litellm.completion_cost(completion_response=response, model=settings.model))
    except Exception:  # litellm raises plain Exception for models without a price
        return None


def saved_by_cache(settings: ModelSettings, tokens: Tokens) -> float:
    """Return what the provider's cache of prompts saved of the price of `tokens`, in US dollars.

    It is negative where writing to the cache cost more than reading from it saved, and 0 where litellm knows no prices
    of a cache. Prices are those of prompts of an ordinary length.
    """
    if not (tokens.cached or tokens.written) or not known_to_litellm(settings):
        return 0.0
    info = load_litellm().get_model_info(settings.model)
    full = info["input_cost_per_token"]
    names = ("cache_read_input_token_cost", "cache_creation_input_token_cost")
    read, wrote = (full if info.get(name) is None else info[name] for name in names)
    return float(tokens.cached * (full - read) + tokens.written * (full - wrote))


def price_per_token(settings: ModelSettings) -> tuple[float, float] | None:
    """Return US dollars per prompt and per completion token; None if no price is known.

    The settings' own price comes first, then litellm's, then the price that the user assumes.
    """
    if settings.input_cost_per_token is not None and settings.output_cost_per_token is not None:
        return settings.input_cost_per_token, settings.output_cost_per_token
    if not known_to_litellm(settings):
        return settings.assumed_price
    info = load_litellm().get_model_info(settings.model)
    return info["input_cost_per_token"], info["output_cost_per_token"]


def model_line(settings: ModelSettings) -> str:
    """Return what one may want to know before choosing a model: its name, its price, and what it is said to be for."""
    price = price_per_token(settings)
    costs = "its price is not known"
    if price:
        read, wrote = (f"{each * 1_000_000:.2f}" for each in price)
        costs = f"{read} US dollars for a million tokens read, {wrote} written"
    return f"{settings.model} ({costs}){': ' if settings.about else ''}{settings.about}"


def known_to_litellm(settings: ModelSettings) -> bool:
    """Return whether litellm's price applies: it has one, and the settings have none."""
    if settings.input_cost_per_token is not None and settings.output_cost_per_token is not None:
        return False
    litellm = load_litellm()
    # litellm reports a price of 0 for models of which it knows only the provider, and asks a local Ollama for others
    if settings.model not in litellm.model_cost and settings.model.partition("/")[2] not in litellm.model_cost:
        return False
    try:
        info = litellm.get_model_info(settings.model)
    except Exception:  # litellm raises plain Exception for unknown models
        return False
    return None not in (info.get("input_cost_per_token"), info.get("output_cost_per_token"))
