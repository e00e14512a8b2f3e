"""The ModelGateway port on litellm: an OpenAI-compatible API on a Unix socket, with a token, a budget and a log.

The agent in the sandbox knows the socket and a token that is valid only while the gateway is open; the provider's key
stays in this process. What the agent sends is not trusted (see `request.py`): it chooses the messages, never the model.
"""

from __future__ import annotations

import asyncio
import hmac
import math
import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agenthands._util.redaction import redact_error
from agenthands.errors import AgentHandsError, ModelUnavailable, SettingsInvalid
from agenthands.llm.adaptation import call_adapted_async
from agenthands.llm.budget import BudgetScope
from agenthands.llm.call_options import most_room
from agenthands.llm.error_mapping import silent
from agenthands.llm.gateway.base import GatewayCall, GatewayUsage
from agenthands.llm.gateway.request import PASSED, Refusal, parsed, read_body
from agenthands.llm.gateway.streaming import on_model_loop, streamed, while_awaited
from agenthands.llm.gateway.thoughts import ThoughtMemory
from agenthands.llm.litellm_model import completion_options, require_window, stopped_by, was_cut
from agenthands.llm.litellm_setup import ProviderWords, load_litellm, provider_words
from agenthands.llm.prices import cost_of, saved_by_cache, tokens_of
from agenthands.llm.retry import call_with_retry_async, should_fall_back
from agenthands.llm.settings import ModelSettings
from agenthands.schemas import Tokens

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

_MAX_SOCKET_PATH = 107
_MAX_ERRORS = 100
_MAX_CALLS = 10_000
_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_REST = 20.0
_NO_ANSWER = "Try again later, choose another model, or give a test case more time: AGENTHANDS_CASE_SECONDS."
_KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


@dataclass
class RunningGateway:
    """One open gateway."""

    socket: Path
    token: str
    usage: GatewayUsage = field(default_factory=GatewayUsage)


class LitellmGateway:
    """Serves one model to sandboxes."""

    def __init__(self, settings: ModelSettings, seconds: float = math.inf) -> None:
        """Keep the model's settings, which include the key. No caller waits longer than `seconds` for an answer."""
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
        self._settings = settings
        self._gateway = gateway
        self._scope = scope
        self._hangs_after = seconds / 2  # the agent may have done other work before the call in which its time ended
        self._refused: tuple[float, Refusal] | None = None
        self._thoughts = ThoughtMemory()

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
        entry = {"id": "agent", "object": "model", "created": 0, "owned_by": "agenthands"}
        return JSONResponse({"object": "list", "data": [entry]})

    async def _chat(self, request: Request) -> Response:
        from starlette.responses import JSONResponse, StreamingResponse

        self._require_token(request)
        asked = parsed(await read_body(request))
        await self._require_budget()
        passed = {key: asked[key] for key in PASSED & asked.keys() if asked[key] is not None}
        answer = await while_awaited(request, self._complete(passed), self._hangs_after)
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

    async def _complete(self, passed: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of the model or its fallback, and charge it. Raises Refusal with the provider's error."""
        self._gateway.usage.requests += 1
        if self._refused and time.monotonic() < self._refused[0]:
            raise self._refused[1]  # otherwise an agent that asks again would wait each time
        started = time.time()

        async def call(model: ModelSettings) -> tuple[ModelSettings, Any]:
            messages = self._thoughts.restored(passed["messages"], model.model)
            require_window(model, messages)
            options = {**passed, **completion_options(model), "messages": messages}
            most = most_room(model.wanted)
            while True:
                response = await self._answered(model, options, started)
                if not was_cut(response) or options["max_tokens"] >= most:
                    return model, response
                if await asyncio.to_thread(self._scope.exhausted):
                    return model, response  # no further call begins; the agent gets what there is
                options["max_tokens"] = min(most, 2 * options["max_tokens"])

        try:
            model, response = await call_with_retry_async(self._settings, call, self._scope.note_cut_off)
        except asyncio.CancelledError:
            self._note_cut_off(started)
            raise
        except AgentHandsError as fault:
            refusal = self._refusal(fault)
            self._log(started, error=str(refusal))
            raise refusal from None
        answer: dict[str, Any] = response.model_dump(mode="json", exclude_none=True)
        for choice in answer["choices"]:
            choice["message"].setdefault("content", None)
            self._thoughts.keep(choice["message"], model.model)
        return {**answer, "model": "agent"}

    async def _answered(self, model: ModelSettings, options: Mapping[str, Any], started: float) -> Any:
        """Make one call and charge it. Raises litellm's errors, or ModelSilent for an answer without choices."""
        litellm = load_litellm()
        try:
            with provider_words() as words:
                response = await call_adapted_async(
                    model, options, lambda **each: on_model_loop(litellm.acompletion(**each))
                )
        except asyncio.CancelledError:
            self._scope.note_cut_off(model.model)
            raise
        await self._count(model, response, words, started)
        self._gateway.usage.by_fallback |= model is not self._settings
        if not response.choices:
            raise silent(model.model, stopped_by(response, words))
        return response

    async def _count(self, model: ModelSettings, response: Any, words: ProviderWords, started: float) -> None:
        """Charge and log an answer, with the reason if it is empty."""
        tokens, cost = tokens_of(response), cost_of(load_litellm(), response, model)
        await asyncio.to_thread(self._scope.charge, cost, tokens, 1, model.model, saved_by_cache(model, tokens))
        message = response.choices[0].message if response.choices else None
        error = ""
        if message is not None and not message.content and not message.tool_calls:
            error = silent(model.model, stopped_by(response, words)).message
            self._note(error)
        self._log(started, model.model, tokens, cost, error)

    def _refusal(self, fault: AgentHandsError) -> Refusal:
        error = fault.__cause__ or fault
        status = getattr(error, "status_code", None)
        status = status if isinstance(status, int) and 400 <= status < 600 else 502
        kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "api_error")
        # A provider that refuses a key likes to quote it.
        text = "the provider refuses the key" if status in (401, 403) else redact_error(str(error))[:300]
        message = f"{self._settings.model}: {type(error).__name__}: {text or 'no message'}"
        self._note(message)
        refusal = Refusal(status, kind, type(error).__name__, message)
        if should_fall_back(fault) or status in (401, 403, 404):
            self._blame_model(fault, refusal)
        return refusal

    def _note_cut_off(self, started: float) -> None:
        """Record a call whose caller has gone: a model that hung until the test case ended is at fault."""
        model, seconds = self._settings.model, time.time() - started
        message = f"{model} does not answer: a call was cut off after {seconds:.0f} s, when its test case ended."
        self._note(message)
        self._log(started, error=message)
        if seconds >= self._hangs_after:
            self._blame_model(ModelUnavailable(message, _NO_ANSWER), Refusal(408, "api_error", "cut_off", message))

    def _blame_model(self, fault: AgentHandsError, refusal: Refusal) -> None:
        """Keep a fault that is not the agent's, and refuse further calls for a while."""
        self._gateway.usage.fault = fault
        self._refused = time.monotonic() + (_REST if fault.retryable else math.inf), refusal

    def _log(
        self, started: float, model: str = "", tokens: Tokens | None = None, cost: float | None = None, error: str = ""
    ) -> None:
        calls = self._gateway.usage.calls
        if len(calls) < _MAX_CALLS:
            seconds = round(time.time() - started, 3)
            calls.append(GatewayCall(started, model or self._settings.model, seconds, tokens or Tokens(), cost, error))

    def _note(self, message: str) -> None:
        errors = self._gateway.usage.errors
        if len(errors) < _MAX_ERRORS:
            errors.append(message)
