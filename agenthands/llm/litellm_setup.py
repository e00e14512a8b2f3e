"""Imports litellm once, quietly and offline, with the scripted provider registered."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from agenthands._util.fast_import import fast_import

_lock = threading.Lock()


class ProviderWords:
    """A provider's raw answer: litellm's responses do not keep all of it."""

    last: Any = None


_words: ContextVar[ProviderWords | None] = ContextVar("provider_words", default=None)


@contextmanager
def provider_words() -> Iterator[ProviderWords]:
    """Record the raw answers to calls of this thread or task while the context is open."""
    words = ProviderWords()
    token = _words.set(words)
    try:
        yield words
    finally:
        _words.reset(token)


def load_litellm() -> Any:
    """Import litellm (about 5 s the first time) and return the module.

    It uses the price list in its package; otherwise it would fetch one from the network at import.
    """
    with _lock:
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        os.environ.setdefault("LITELLM_LOG", "ERROR")
        with fast_import("litellm"):
            import litellm

        from agenthands.llm.scripted.provider import register_scripted_models

        litellm.suppress_debug_info = True
        litellm.telemetry = False
        litellm.disable_hf_tokenizer_download = True  # tokens are counted before each call of the coder
        logging.getLogger("LiteLLM").setLevel(logging.ERROR)
        register_scripted_models(litellm)
        _listen(litellm)
    return litellm


def _listen(litellm: Any) -> None:
    """Have litellm record the raw answer of each call in the open `provider_words`."""
    from litellm.integrations.custom_logger import CustomLogger

    if any(type(callback).__name__ == "_Listener" for callback in litellm.input_callback):
        return

    class _Listener(CustomLogger):
        def log_post_api_call(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            del response_obj, start_time, end_time
            if (words := _words.get()) is not None:
                words.last = kwargs.get("original_response")

    litellm.input_callback.append(_Listener())
