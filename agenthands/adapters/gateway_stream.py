"""A finished answer in the form of a stream, as OpenAI sends one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any


async def streamed(answer: Mapping[str, Any], with_usage: bool) -> AsyncIterator[str]:
    """Give a finished answer in the form of a stream.

    The provider is always asked for a whole answer: every litellm provider can do that (a CustomLLM often cannot
    stream), an error still gets its status code, and nobody watches a test case token by token.
    """
    head = {"id": answer.get("id", "chatcmpl"), "object": "chat.completion.chunk",
            "created": answer.get("created", 0), "model": answer["model"]}  # fmt: skip
    for choice in answer["choices"]:
        delta = {key: value for key, value in choice["message"].items() if key != "tool_calls"}
        if calls := choice["message"].get("tool_calls"):
            delta["tool_calls"] = [{**call, "index": index} for index, call in enumerate(calls)]
        parts = ({"delta": delta, "finish_reason": None}, {"delta": {}, "finish_reason": choice["finish_reason"]})
        for part in parts:
            yield _event({**head, "choices": [{"index": choice["index"], **part}]})
    if with_usage:
        yield _event({**head, "choices": [], "usage": answer.get("usage")})
    yield "data: [DONE]\n\n"


def _event(chunk: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(chunk)}\n\n"
