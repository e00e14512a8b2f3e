"""The ChatModel port on litellm, what its responses say, and the check that a model can be used."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from agenthands._util.redaction import redact
from agenthands.errors import ContextExceeded, KeyMissing, ModelNotUsable
from agenthands.llm.adaptation import call_adapted
from agenthands.llm.answer_form import answer_form
from agenthands.llm.base import ChatAnswer
from agenthands.llm.call_options import cache_marks, call_options, context_window, most_room, room
from agenthands.llm.error_mapping import finish_reason, silent
from agenthands.llm.litellm_setup import ProviderWords, load_litellm, provider_words
from agenthands.llm.prices import cost_of, saved_by_cache, tokens_of
from agenthands.llm.retry import call_with_retry
from agenthands.llm.settings import ModelSettings, key_names
from agenthands.llm.whole_answer import Bill, Call, Piece, whole_answer
from agenthands.schemas import Tokens

_ALTERNATIVES = (
    "Without a key: a local model (--planner ollama/qwen3-coder, or --planner openai/NAME --api-base URL), "
    "or `agenthands demo`, which needs no model at all."
)
_OPENAI_KEY = "OPENAI_API_KEY"
_GEMINI = ("gemini", "vertex_ai")
_TOKENS_A_SECOND = 60  # what a slow model of a provider writes
_CHARACTERS = 3  # of a token, at least: JSON and code have fewer than prose


class LitellmModel:
    """Asks any model that litellm knows."""

    def __init__(
        self,
        settings: ModelSettings,
        cut_off: Callable[[str], None] = lambda _: None,
        allows_more: Callable[[float | None, Tokens], bool] = lambda cost, tokens: True,  # noqa: ARG005
    ) -> None:
        """Keep the settings; `cut_off` is called with the model's name for each call that times out.

        `allows_more` says, by what an answer has cost so far, whether a further call for it may begin. litellm is
        imported with the first call.
        """
        self.name = settings.model
        self._settings, self._cut_off, self._allows_more = settings, cut_off, allows_more

    def ask(self, messages: Sequence[Mapping[str, str]], schema_name: str, schema: Mapping[str, Any]) -> ChatAnswer:
        """Answer in the form of `schema`, with the model or its fallback. Raises the errors of the port."""
        bill = Bill()

        def call(model: ModelSettings) -> ChatAnswer:
            first = Call(messages, answer_form(model, schema_name, schema), room(model.wanted))
            piece = whole_answer(
                lambda each: _piece(model, each),
                first,
                most_room(model.wanted),
                bill,
                lambda: self._allows_more(bill.cost_usd, bill.tokens),
            )
            return ChatAnswer(
                text=piece.text,
                cost_usd=bill.cost_usd,
                tokens=bill.tokens,
                saved_usd=bill.saved_usd,
                model=model.model,
                by_fallback=model is not self._settings,
                fault=piece.fault,
                calls=bill.calls,
            )

        load_litellm()
        return call_with_retry(self._settings, call, self._cut_off)


def _piece(model: ModelSettings, asked: Call) -> Piece:
    """Make one call. Raises litellm's errors, and ContextExceeded for a window that would cut the question silently."""
    litellm = load_litellm()
    options = {**completion_options(model), "max_tokens": asked.limit, "timeout": _seconds(model, asked.limit)}
    if asked.form:
        options["response_format"] = asked.form
    if not any(message["role"] == "assistant" for message in asked.messages):
        options |= cache_marks(model.wanted, goes_on=False)
    sent = [dict(message) for message in asked.messages]
    require_window(model, sent)
    with provider_words() as words:
        response = call_adapted(model, options, partial(litellm.completion, messages=sent))
    text, tokens = text_of(response), tokens_of(response)
    return Piece(
        text=text,
        cost_usd=cost_of(litellm, response, model),
        tokens=tokens,
        saved_usd=saved_by_cache(model, tokens),
        cut=was_cut(response),
        fault=None if text.strip() else silent(model.model, stopped_by(response, words)),
    )


def _seconds(model: ModelSettings, limit: int) -> float:
    """Return how long a call may take: what the settings say, else as long as so many tokens need."""
    return model.timeout if "timeout" in model.model_fields_set else max(model.timeout, limit / _TOKENS_A_SECOND)


def was_cut(response: Any) -> bool:
    """Return whether an answer ended at the limit of its tokens."""
    return bool(response.choices) and response.choices[0].finish_reason == "length"


def require_window(model: ModelSettings, messages: Sequence[Mapping[str, Any]]) -> None:
    """Raise ContextExceeded if the messages do not fit into the window that the call asks for.

    Ollama would forget the oldest of them and say nothing: https://docs.ollama.com/context-length.
    """
    window = context_window(model.wanted)
    if window is not None and len(json.dumps(messages, default=str)) // _CHARACTERS > window:
        raise ContextExceeded(
            f"The conversation is longer than the {window:,} tokens that {model.model} is asked to read.",
            "Raise `context_tokens` in the --config file, if the model and its machine can do more.",
        )


def text_of(response: Any) -> str:
    """Return the redacted text of a response; empty if it has none."""
    choice = response.choices[0] if response.choices else None
    text = (choice.message.content if choice else None) or ""
    return redact(text).encode(errors="replace").decode()  # a lone surrogate cannot be encoded as UTF-8


def stopped_by(response: Any, words: ProviderWords) -> str:
    """Return the provider's own finish reason, else litellm's."""
    if said := finish_reason(words.last):
        return said
    return str(response.choices[0].finish_reason or "") if response.choices else "no choices"


def completion_options(settings: ModelSettings) -> dict[str, Any]:
    """Return the arguments of every litellm call with these settings. They include the key: never log them.

    The limit of the answer is the first one to try; see `whole_answer`.
    """
    options: dict[str, Any] = {
        **call_options(settings.wanted),
        "timeout": settings.timeout,
        "num_retries": 0,  # `retry` decides what is tried again
        "max_retries": 0,
    }
    if settings.api_key:
        options["api_key"] = settings.api_key.get_secret_value()
    if settings.api_base:
        options["api_base"] = settings.api_base
    if settings.provider in _GEMINI and settings.safety_settings:
        options["safety_settings"] = [dict(setting) for setting in settings.safety_settings]
    return options


def require_usable(settings: ModelSettings) -> None:
    """Raise ModelNotUsable if the model is unknown or its key is missing; calls no model.

    litellm is imported only if our own table cannot tell: a build that finds everything cached does without it.
    """
    if settings.provider == "openai" and settings.api_base and not (settings.api_key or os.environ.get(_OPENAI_KEY)):
        raise KeyMissing(
            f"No key for {settings.model}: set {_OPENAI_KEY}.",
            f"OpenAI's client asks for one even if the server at your address needs none: export {_OPENAI_KEY}=none.",
        )
    if _known_usable(settings):
        return
    litellm = load_litellm()
    try:
        litellm.get_llm_provider(model=settings.model, api_base=settings.api_base)
    except Exception:
        raise ModelNotUsable(
            f"litellm knows no model {settings.model!r}.",
            "Write it as provider/model, for example gemini/gemini-2.5-pro or ollama/qwen3-coder.",
        ) from None
    if settings.provider == "scripted":
        from agenthands.llm.scripted.provider import require_script

        require_script(settings.model)
        return
    if settings.api_key or settings.api_base:
        return
    found = litellm.validate_environment(model=settings.model)
    if not found["keys_in_environment"] and found["missing_keys"]:
        names = " or ".join(found["missing_keys"])
        raise KeyMissing(f"No key for {settings.model}: set {names}.", _ALTERNATIVES)


def _known_usable(settings: ModelSettings) -> bool:
    """Return whether the name is well-formed and the key is set, for a provider in our table; False means unknown."""
    if not settings.model.partition("/")[2].strip():
        return False
    if settings.provider == "scripted":
        from agenthands.llm.scripted.provider import script_names

        return settings.model.partition("/")[2] in script_names()
    names = key_names(settings.model)
    given = settings.api_key or settings.api_base or any(os.environ.get(name) for name in names)
    return bool(names and given)
