"""The stand-ins answer in the form that the providers' documents show, and that the providers' own clients read.

The fixtures in tests/support/providers/recorded hold names and types of documented answers, each with its source. The
types of the clients are made from the providers' own descriptions of their APIs: a field that they do not know is one
that no provider sends.
"""

import json
from pkgutil import resolve_name

import httpx
import pytest
from conftest_paths import ROOT
from providers.anthropic import Anthropic
from providers.gemini import Gemini
from providers.ollama import Ollama
from providers.openai_api import OpenAI
from providers.shared import Wish
from pydantic import BaseModel

pytestmark = pytest.mark.timeout(60)
RECORDED = json.loads((ROOT / "tests/support/providers/recorded/shapes.json").read_text())
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}
HI = [{"role": "user", "content": "hi"}]
TEXT, CALL = Wish("Hello."), Wish(calls=[("f", {"a": "b"})], thoughts=300)
KINDS = {
    "ollama": (Ollama, "/api/chat", {"model": "m", "messages": HI, "stream": False, "tools": [{"function": FUNCTION}]}),
    "anthropic": (Anthropic, "/v1/messages", {
        "model": "claude-sonnet-4-5", "max_tokens": 4096, "messages": HI,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "tools": [{"name": "f", "input_schema": FUNCTION["parameters"]}],
    }),
    "gemini": (Gemini, "/v1beta/models/gemini-3-pro:generateContent", {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}], "tools": [{"functionDeclarations": [FUNCTION]}],
    }),
    "openai": (OpenAI, "/v1/chat/completions", {
        "model": "o3", "messages": HI, "tools": [{"type": "function", "function": FUNCTION}],
    }),
    "responses": (OpenAI, "/v1/responses", {
        "model": "o3", "input": "hi", "tools": [{"type": "function", "strict": False, **FUNCTION}],
    }),
}  # fmt: skip
READS = {
    "ollama": "ollama:ChatResponse", "anthropic": "anthropic.types:Message",
    "gemini": "google.genai.types:GenerateContentResponse", "openai": "openai.types.chat:ChatCompletion",
    "responses": "openai.types.responses:Response",
}  # fmt: skip


def answered(kind, wish):
    serves, path, body = KINDS[kind]
    headers = {"authorization": "Bearer k", "x-api-key": "k", "x-goog-api-key": "k", "anthropic-version": "2023-06-01"}
    with serves([wish]).served() as provider:
        answer = httpx.post(f"{provider.url}{path}", json=body, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def shape(value):
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize("name", RECORDED)
def test_an_answer_has_the_form_of_the_documents(name):
    kind, _, what = name.partition(": ")
    wish = Wish(TEXT.text) if what == "text" else Wish(calls=CALL.calls)
    assert shape(answered(kind, wish)) == RECORDED[name]["shape"], RECORDED[name]["source"]


@pytest.mark.parametrize("wish", [TEXT, CALL], ids=["text", "call"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_is_what_the_providers_own_client_reads(kind, wish):
    answer = answered(kind, Wish(wish.text, list(wish.calls), wish.thoughts))
    assert unknown(resolve_name(READS[kind]).model_validate(answer)) == []


def unknown(model, path=""):
    """Return the fields, with their paths, that a client keeps although its types do not name them."""
    found = [f"{path}.{name}" for name in model.model_extra or {}]
    for name in type(model).model_fields:
        value = getattr(model, name)
        for index, each in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(each, BaseModel):
                found += unknown(each, f"{path}.{name}[{index}]")
    return found
