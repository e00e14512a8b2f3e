"""Awaits model calls while their caller still waits, and writes finished answers as a stream."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from agenthands.llm.gateway.request import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request


async def while_awaited[T](request: Request, call: Coroutine[Any, Any, T], hangs_after: float) -> T:
    """Return the result of `call`; the body of `request` must have been read before.

    If the client disconnects after `hangs_after` seconds, the call is cancelled and Refusal is raised. If it
    disconnects earlier, the call continues, because its answer is needed to know its cost. Raises what `call` raises.
    """
    started = time.monotonic()
    asking, leaving = asyncio.ensure_future(call), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((asking, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not asking.done() and time.monotonic() - started >= hangs_after:
            raise Refusal(408, "api_error", "cut_off", "Nobody waits for this answer any more.")
        return await asking
    finally:
        leaving.cancel()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def streamed(answer: Mapping[str, Any], with_usage: bool) -> AsyncIterator[str]:
    """Yield a finished answer as server-sent events.

    The provider is always asked for a whole answer: every litellm provider can do that (a CustomLLM often cannot
    stream), an error still has its status code, and nobody watches a test case token by token.
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


_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


async def on_model_loop(call: Coroutine[Any, Any, Any]) -> Any:
    """Await a litellm call on the event loop that all gateways share; a cancellation reaches the call.

    litellm caches its clients by the address of the event loop, and its background work moves to the loop that called
    last: with one loop for each gateway, concurrent builds would break each other's calls.
    """
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="model-calls", daemon=True).start()
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, _loop))
