"""The ModelGateway port on litellm: an OpenAI-compatible API on a Unix socket, with a token, a budget and a log.

The agent in the sandbox knows the socket and a token that is valid only while the gateway is open; the provider's key
stays in this process. What the agent sends is not trusted (see `request.py`): it chooses the messages, and by the
name of a role one of its own models.
"""

from __future__ import annotations

import asyncio
import hmac
import math
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from agenthands.errors import ModelUnavailable, SettingsInvalid
from agenthands.llm.budget import BudgetScope
from agenthands.llm.gateway.base import USUAL, GatewayUsage, name_of
from agenthands.llm.gateway.model_calls import ModelCalls
from agenthands.llm.gateway.request import PASSED, Refusal, parsed, read_body
from agenthands.llm.gateway.streaming import streamed, while_awaited
from agenthands.llm.litellm_setup import load_litellm
from agenthands.llm.settings import ModelSettings

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

_MAX_SOCKET_PATH = 107
_START_SECONDS = 30.0
_STOP_SECONDS = 5.0


@dataclass
class RunningGateway:
    """One open gateway."""

    socket: Path
    token: str
    usage: GatewayUsage = field(default_factory=GatewayUsage)


class LitellmGateway:
    """Serves the models of one agent to sandboxes."""

    def __init__(self, settings: ModelSettings, seconds: float = math.inf) -> None:
        """Keep the models' settings, which include the keys. No caller waits longer than `seconds` for an answer."""
        self._settings, self._seconds = settings.within(seconds), seconds

    @contextmanager
    def open(self, socket: Path, scope: BudgetScope) -> Iterator[RunningGateway]:
        """Serve on `socket` until the context ends; calls that are still running then are cut off.

        Calls are charged to `scope`, and refused once a budget is reached; those in flight at that moment finish.
        Raises SettingsInvalid if the path is too long for a socket, ModelUnavailable if the server does not start.
        """
        if len(os.fsencode(socket)) > _MAX_SOCKET_PATH:
            raise SettingsInvalid(
                f"The path of the gateway's socket is longer than {_MAX_SOCKET_PATH} bytes: {socket}",
                "Set AGENTHANDS_HOME to a folder with a shorter path.",
            )
        load_litellm()
        gateway = RunningGateway(socket, secrets.token_urlsafe(24))
        with _served(_Endpoints(self._settings, gateway, scope, self._seconds).application(), socket):
            yield gateway


@contextmanager
def _served(application: Starlette, socket: Path) -> Iterator[None]:
    """Serve in a thread of its own. Raises ModelUnavailable if that fails or takes too long."""
    import uvicorn

    server = uvicorn.Server(
        uvicorn.Config(
            application,
            uds=str(socket),
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            limit_concurrency=64,
            timeout_graceful_shutdown=1,
        )
    )
    problems: list[BaseException] = []

    def serve() -> None:
        try:
            server.run()
        except (Exception, SystemExit) as error:  # nobody else would see an exception in a thread
            problems.append(error)

    thread = threading.Thread(target=serve, name="model-gateway", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                reason = problems[0] if problems else f"no answer after {_START_SECONDS:.0f} s"
                raise ModelUnavailable(f"The model gateway did not start on {socket}: {reason}")
            time.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        thread.join(_STOP_SECONDS)
        if server.started:
            socket.unlink(missing_ok=True)


class _Endpoints:
    """The routes of one gateway."""

    def __init__(self, settings: ModelSettings, gateway: RunningGateway, scope: BudgetScope, seconds: float) -> None:
        self._gateway = gateway
        self._scope = scope
        self._hangs_after = seconds / 2  # the agent may have done other work before the call in which its time ended
        models = {"": settings, **settings.roles}
        # What an agent names chooses among its own models, and reaches no other.
        self._by_name = {
            name_of(role): ModelCalls(model, gateway.usage, scope, self._hangs_after, role)
            for role, model in models.items()
        }

    def application(self) -> Starlette:
        """Return the ASGI application."""
        from starlette.applications import Starlette
        from starlette.responses import JSONResponse
        from starlette.routing import Route

        async def refused(_: Request, refusal: Exception) -> Response:
            assert isinstance(refusal, Refusal)
            # The gateway has already retried: a client that retries too would multiply the calls.
            return JSONResponse(refusal.content, refusal.status, headers={"x-should-retry": "false"})

        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/models", self._models, methods=["GET"]),
            ],
            exception_handlers={Refusal: refused},
        )

    async def _models(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        self._require_token(request)
        about = {"object": "model", "created": 0, "owned_by": "agenthands"}
        return JSONResponse({"object": "list", "data": [{"id": name, **about} for name in self._by_name]})

    async def _chat(self, request: Request) -> Response:
        from starlette.responses import JSONResponse, StreamingResponse

        self._require_token(request)
        asked = parsed(await read_body(request))
        await self._require_budget()
        passed = {key: asked[key] for key in PASSED & asked.keys() if asked[key] is not None}
        name = str(asked.get("model"))
        model = self._by_name.get(name, self._by_name[USUAL])
        answer = await while_awaited(request, model.complete(passed), self._hangs_after)
        if not asked.get("stream"):
            return JSONResponse(answer)
        options = asked.get("stream_options")
        with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
        return StreamingResponse(streamed(answer, with_usage), media_type="text/event-stream")

    def _require_token(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._gateway.token}".encode()):
            raise Refusal(401, "authentication_error", "invalid_api_key", "The gateway's token is missing or wrong.")

    async def _require_budget(self) -> None:
        if sentence := await asyncio.to_thread(self._scope.exhausted):
            raise Refusal(402, "insufficient_quota", "budget_exceeded", f"{sentence}.")
