"""Reads and validates what an agent in a sandbox sends to the model gateway. None of it is trusted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_BODY = 8 * 1024**2
# The parameters of a call that an agent may set: not the model, not how it is reached, not `n`, which multiplies the
# price, and not what `call_options` decides for the model, here and in the agent's package alike.
PASSED = {"messages", "tools", "tool_choice", "parallel_tool_calls", "stop", "seed", "response_format"}
_MESSAGE_KEYS = {
    "role", "content", "name", "tool_calls", "tool_call_id", "function_call", "refusal", "cache_control",
    "reasoning_content", "thinking_blocks", "provider_specific_fields",
}  # fmt: skip
_INLINE_PARTS = {"text", "refusal", "thinking", "redacted_thinking", "input_audio"}


class Refusal(Exception):
    """A refused request: an HTTP status, and a body in the form of OpenAI's errors."""

    def __init__(self, status: int, kind: str, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.content = {"error": {"message": message, "type": kind, "param": None, "code": code}}


async def read_body(request: Request) -> bytes:
    """Return the body, whatever size was announced. Raises Refusal if it is larger than MAX_BODY bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            message = f"A request may have {MAX_BODY} bytes."
            raise Refusal(413, "invalid_request_error", "request_too_large", message)
    return bytes(body)


def parsed(body: bytes) -> dict[str, Any]:
    """Return the chat completion request in `body`.

    Raises Refusal if it is invalid, or would have something fetched outside the sandbox: litellm and the providers
    load images and files by URL and run their own tools (search, MCP servers), through which a program without a
    network would have one.
    """
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise _invalid("The body must be JSON.") from None
    messages = asked.get("messages") if isinstance(asked, dict) else None
    if not isinstance(messages, list) or not messages or not all(isinstance(each, dict) for each in messages):
        raise _invalid("The body must be a chat completion request with messages.")
    tools = asked.get("tools") or []
    if not isinstance(tools, list) or not all(isinstance(each, dict) and _is_function(each) for each in tools):
        raise _invalid("Only tools of type 'function' can be used.")
    for message in messages:
        content = message.get("content")
        if isinstance(content, list) and not all(_is_inline(part) for part in content):
            raise _invalid("Only text and inline data (data: URLs) can be sent, nothing to be fetched.")
        if not isinstance(content, list | str | None):
            raise _invalid("The content of a message must be text or a list of parts.")
    # other keys of a message, such as Gemini's `images`, can name URLs too
    plain = [{key: value for key, value in message.items() if key in _MESSAGE_KEYS} for message in messages]
    return {**asked, "messages": plain}


def _invalid(message: str) -> Refusal:
    return Refusal(400, "invalid_request_error", "invalid_request", message)


def _is_function(tool: Mapping[str, Any]) -> bool:
    return tool.get("type") == "function" and isinstance(tool.get("function"), dict)


def _is_inline(part: Any) -> bool:
    if not isinstance(part, dict):
        return False
    if part.get("type") == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else image
        return isinstance(url, str) and url.startswith("data:")
    kind = part.get("type")
    return isinstance(kind, str) and kind in _INLINE_PARTS
