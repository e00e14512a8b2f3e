"""The ModelGateway port over litellm: an OpenAI-compatible API on a Unix socket, with a token, a budget and a count.

The agent in the sandbox knows the socket and a token that dies with it; the provider's key stays in this process.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agenthands.adapters.litellm_model import completion_options, cost_of, tokens_of, translated
from agenthands.adapters.litellm_setup import load_litellm
from agenthands.errors import ModelUnavailable
from agenthands.model_settings import ModelSettings
from agenthands.models import add_costs
from agenthands.ports import GatewayUsage

_MAX_BODY = 8 * 1024**2
_MAX_SOCKET_PATH = 107
_START_SECONDS = 30.0
# What an agent may decide about a call; the model and how it is reached are not among it.
_PASSED = {
    "messages", "tools", "tool_choice", "parallel_tool_calls", "temperature", "top_p", "max_tokens",
    "max_completion_tokens", "stop", "seed", "response_format",
}  # fmt: skip


@dataclass
class RunningGateway:
    """One open gateway."""

    socket: Path
    token: str
    usage: GatewayUsage = field(default_factory=GatewayUsage)


class LitellmGateway:
    """Serves one model to sandboxes."""

    def __init__(self, settings: ModelSettings) -> None:
        """Keep the model's settings, the key among them."""
        self._settings = settings

    @contextmanager
    def open(self, socket: Path, budget_usd: float | None = None) -> Iterator[RunningGateway]:
        """Serve on `socket` until the context ends. Raises ModelUnavailable where no server starts."""
        import uvicorn

        if len(str(socket).encode()) > _MAX_SOCKET_PATH:
            raise ModelUnavailable(
                f"The path of the gateway's socket is longer than {_MAX_SOCKET_PATH} bytes: {socket}",
                "Set AGENTHANDS_HOME to a folder with a shorter path.",
            )
        load_litellm()
        gateway = RunningGateway(socket, secrets.token_urlsafe(24))
        application = _application(self._settings, gateway, budget_usd)
        server = uvicorn.Server(uvicorn.Config(application, uds=str(socket), log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, name="model-gateway", daemon=True)
        thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise ModelUnavailable("The model gateway did not start.")
            time.sleep(0.01)
        try:
            yield gateway
        finally:
            server.should_exit = True
            server.force_exit = True
            thread.join(5)
            with contextlib.suppress(FileNotFoundError):
                socket.unlink()


def _application(settings: ModelSettings, gateway: RunningGateway, budget_usd: float | None) -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, StreamingResponse
    from starlette.routing import Route

    def refused(status: int, kind: str, message: str) -> JSONResponse:
        return JSONResponse({"error": {"message": message, "type": kind, "code": kind}}, status_code=status)

    def unauthorised(request: Request) -> JSONResponse | None:
        given = request.headers.get("authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {gateway.token}".encode()):
            return None
        return refused(401, "invalid_api_key", "The gateway's token is missing or wrong.")

    async def models(request: Request) -> Any:
        entry = {"id": "agent", "object": "model", "created": 0, "owned_by": "agenthands"}
        return unauthorised(request) or JSONResponse({"object": "list", "data": [entry]})

    async def chat(request: Request) -> Any:
        if no := unauthorised(request):
            return no
        body = await _body(request)
        if body is None:
            return refused(413, "request_too_large", f"A request may have {_MAX_BODY} bytes.")
        try:
            asked = json.loads(body)
            passed = {key: asked[key] for key in _PASSED & asked.keys()}
            passed["messages"] = list(passed["messages"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return refused(400, "invalid_request_error", "The body must be a chat completion request.")
        usage = gateway.usage
        if budget_usd is not None and (usage.cost_usd is None or usage.cost_usd >= budget_usd):
            return refused(402, "budget_exceeded", f"The budget of ${budget_usd:.2f} is used up.")
        try:
            answer = await _complete(settings, usage, passed)
        except Exception as error:
            problem = translated(error, settings.model)
            usage.errors.append(problem.message)
            return refused(int(getattr(error, "status_code", 502) or 502), type(problem).__name__, problem.message)
        if asked.get("stream"):
            return StreamingResponse(_stream(answer), media_type="text/event-stream")
        return JSONResponse(answer)

    return Starlette(
        routes=[Route("/v1/chat/completions", chat, methods=["POST"]), Route("/v1/models", models, methods=["GET"])]
    )


async def _body(request: Any) -> bytes | None:
    """Read the body; None where it is too large, however it was announced."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            return None
    return body


async def _complete(settings: ModelSettings, usage: GatewayUsage, passed: Mapping[str, Any]) -> dict[str, Any]:
    litellm = load_litellm()
    usage.requests += 1
    response = await litellm.acompletion(drop_params=True, **passed, **completion_options(settings))
    usage.tokens += tokens_of(response)
    usage.cost_usd = add_costs(usage.cost_usd, cost_of(litellm, response, settings))
    answer: dict[str, Any] = response.model_dump(mode="json", exclude_none=True)
    answer["model"] = "agent"
    return answer


async def _stream(answer: Mapping[str, Any]) -> AsyncIterator[str]:
    """Give a finished answer in the form of a stream.

    The provider is always asked for a whole answer: every litellm provider can do that, and nobody watches a test
    case token by token.
    """
    head = {"id": answer.get("id", "chatcmpl"), "object": "chat.completion.chunk", "created": answer.get("created", 0),
            "model": answer["model"]}  # fmt: skip
    for choice in answer["choices"]:
        delta = dict(choice["message"])
        delta["tool_calls"] = [{"index": n, **call} for n, call in enumerate(delta.get("tool_calls") or [])]
        if not delta["tool_calls"]:
            del delta["tool_calls"]
        parts = ({"delta": delta, "finish_reason": None}, {"delta": {}, "finish_reason": choice["finish_reason"]})
        for part in parts:
            yield f"data: {json.dumps({**head, 'choices': [{'index': choice['index'], **part}]})}\n\n"
    yield f"data: {json.dumps({**head, 'choices': [], 'usage': answer.get('usage')})}\n\n"
    yield "data: [DONE]\n\n"
