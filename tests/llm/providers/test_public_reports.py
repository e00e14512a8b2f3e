"""What users report about providers, in the trackers of litellm, OpenHands, NAT and others: the stand-ins do the same.

Each case is a request as such a user's program sent it, and what came back. So a stand-in that becomes milder than the
provider is noticed, and the rest of the suite proves something.
"""

import httpx
import pytest
from providers.anthropic import Anthropic
from providers.gemini import Gemini
from providers.ollama import Ollama
from providers.openai_api import OpenAI, Plain
from providers.shared import Wish

pytestmark = pytest.mark.timeout(60)
HI = [{"role": "user", "content": "hi"}]
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def gemini(**more):
    return {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], **more}


def chat(**more):
    return {"model": "gpt-4o", "messages": HI, **more}


def claude(**more):
    return {"model": "claude-sonnet-4-5", "max_tokens": 8192, "messages": HI, **more}


def replayed(identity="call_1"):
    said = {"role": "assistant", "content": None, "tool_calls": [{**CALL, "id": identity}]}
    return [*HI, said, {"role": "tool", "tool_call_id": identity, "content": "x"}]


GEMINI, GEMINI_3 = "/v1beta/models/gemini-2.5-pro:generateContent", "/v1beta/models/gemini-3-pro:generateContent"
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
UNSIGNED = gemini(
    contents=[
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"content": "x"}}}]},
    ]
)
FREE_FORM = {"type": "object", "properties": {"parameters": {"type": "object", "additionalProperties": True}}}
REFUSED = [
    ("BerriAI/litellm#16893", Gemini, GEMINI_3, UNSIGNED, "missing a thought_signature"),
    ("googleapis/python-genai#867", Gemini, GEMINI,
     gemini(tools=[{"functionDeclarations": [FUNCTION]}], generationConfig={"responseMimeType": "application/json"}),
     "with a response mime type: 'application/json' is unsupported"),
    ("OpenHands/software-agent-sdk#596", Anthropic, MESSAGES, claude(max_tokens=204_096),
     "max_tokens: 204096 > 64000, which is the maximum allowed number of output tokens"),
    ("danny-avila/LibreChat#11949", Anthropic, MESSAGES,
     claude(thinking={"type": "enabled", "budget_tokens": 2048}, temperature=0.05),
     "`temperature` may only be set to 1 when thinking is enabled"),
    ("NVIDIA/NeMo-Agent-Toolkit#610", OpenAI, CHAT, chat(model="gpt-5", stop=["Observation:"]),
     "Unsupported parameter: 'stop' is not supported with this model"),
    ("NVIDIA-NeMo/Guardrails#1512", OpenAI, CHAT, chat(model="gpt-5-mini", temperature=0.001),
     "Only the default (1) value is supported"),
    ("BerriAI/litellm#17343", OpenAI, CHAT, chat(messages=replayed("c" * 46)), "string too long"),
    ("lmstudio-ai/lmstudio-bug-tracker#189", lambda model: Plain(model, refuses=True), CHAT,
     chat(response_format={"type": "json_object"}), "response_format"),
    ("vllm-project/vllm#20409", lambda model: Plain(model, window=16_384), CHAT, chat(max_tokens=20_000),
     "This model's maximum context length is 16384 tokens"),
]  # fmt: skip


@pytest.mark.parametrize(("report", "serves", "path", "body", "said"), REFUSED, ids=[each[0] for each in REFUSED])
def test_a_request_is_refused_as_reported(report, serves, path, body, said):
    with serves(lambda asked: Wish("Hello.")).served() as provider:
        answer = post(provider, path, body)
    assert answer.status_code == 400, report
    assert said in answer.json()["error"]["message"]


def test_python_genai_811_thoughts_use_up_the_limit_and_nothing_is_said():
    with Gemini(lambda asked: Wish("Hello.", thoughts=400)).served() as provider:
        said = post(provider, GEMINI, gemini(generationConfig={"maxOutputTokens": 256})).json()
    assert said["candidates"][0] == {"finishReason": "MAX_TOKENS", "index": 0, "content": {"role": "model"}}
    assert said["usageMetadata"]["thoughtsTokenCount"] == 256


def test_js_genai_708_an_object_of_free_members_stays_empty():
    form = {"responseMimeType": "application/json", "responseJsonSchema": FREE_FORM}
    with Gemini(lambda asked: Wish('{"parameters": {"a": 1}}')).served() as provider:
        said = post(provider, GEMINI, gemini(generationConfig=form)).json()
    assert said["candidates"][0]["content"]["parts"] == [{"text": '{"parameters": {}}'}]


def test_ollama_13519_a_small_model_writes_its_call_into_the_text():
    with Ollama(lambda asked: Wish(calls=[("f", {"a": "b"})]), weak=True).served() as provider:
        body = {"model": "llama3.2:3b", "messages": HI, "stream": False, "tools": [{"function": FUNCTION}]}
        said = post(provider, "/api/chat", body).json()["message"]
    assert said == {"role": "assistant", "content": '{"name": "f", "arguments": {"a": "b"}}'}


def test_ollama_11185_a_model_that_is_held_to_a_form_calls_no_tool():
    with Ollama(lambda asked: Wish(calls=[("f", {"a": "b"})])).served() as provider:
        body = {"model": "qwen3", "messages": HI, "stream": False, "format": "json", "tools": [{"function": FUNCTION}]}
        said = post(provider, "/api/chat", body).json()["message"]
    assert said == {"role": "assistant", "content": '{"name": "f", "arguments": {"a": "b"}}'}


def test_langbot_2494_the_completion_api_of_ollama_has_no_tools():
    with Ollama(lambda asked: Wish(calls=[("f", {"a": "b"})])).served() as provider:
        said = post(provider, "/api/generate", {"model": "qwen3", "prompt": "hi", "stream": False}).json()
    assert said["response"] == '{"name": "f", "arguments": {"a": "b"}}'


def test_hermes_agent_43900_ollama_forgets_the_beginning_and_says_nothing():
    long = [{"role": "user", "content": f"question {each} {'x' * 9000}"} for each in range(3)]
    with Ollama(lambda asked: Wish(str("question 0" in asked.text))).served() as provider:
        said = post(provider, "/api/chat", {"model": "gemma", "messages": long, "stream": False}).json()
    assert (said["message"]["content"], said["done_reason"]) == ("False", "stop")


def post(provider, path, body):
    headers = {"authorization": "Bearer k", "x-api-key": "k", "x-goog-api-key": "k", "anthropic-version": "2023-06-01"}
    return httpx.post(f"{provider.url}{path}", json=body, headers=headers, timeout=30)
