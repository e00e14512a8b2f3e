"""The providers and models that the suite knows, and a way to open one of them."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

from patience import patient

from agenthands.llm.settings import ModelSettings
from providers.anthropic import Anthropic
from providers.gemini import Gemini
from providers.ollama import Ollama
from providers.openai_api import OpenAI, Plain


@dataclass(frozen=True)
class Member:
    """A model as a user names it, and what serves it. `thinks` says whether it thinks unless told not to."""

    id: str
    serves: Callable
    model: str
    below: str = ""
    thinks: bool = False

    def __str__(self):
        return self.id

    @contextmanager
    def opened(self, model):
        """Serve a model; yields the provider."""
        with self.serves(model).served() as provider:
            yield provider

    def settings(self, provider, **more):
        """Return the settings of a user of that model: only the address is not the real one."""
        values = {"api_key": "k", "api_base": provider.url + self.below, "retry_seconds": 0, "timeout": patient(20)}
        return ModelSettings(**{"model": self.model, "temperature": 0.2, "max_output_tokens": 8192, **values, **more})


def refusing(model):
    """Serve a model behind OpenAI's API that refuses response_format."""
    return Plain(model, refuses=True)


ROSTER = [
    Member("gemini-2.5", Gemini, "gemini/gemini-2.5-pro", "/v1beta", thinks=True),
    Member("gemini-3", Gemini, "gemini/gemini-3.1-pro-preview", "/v1beta", thinks=True),
    Member("claude-4.5", Anthropic, "anthropic/claude-sonnet-4-5"),
    Member("claude-5", Anthropic, "anthropic/claude-opus-5"),
    Member("gpt-4o", OpenAI, "openai/gpt-4o", "/v1"),
    Member("gpt-5.1", OpenAI, "openai/gpt-5.1", "/v1"),
    Member("o3", OpenAI, "openai/o3", "/v1", thinks=True),
    Member("ollama", Ollama, "ollama/qwen3-coder"),
    Member("plain", Plain, "openai/local", "/v1"),
    Member("plain-refusing", refusing, "openai/local", "/v1"),
]
NAMED = {member.id: member for member in ROSTER}
