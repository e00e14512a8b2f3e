"""What becomes of a call of the model when the agent that asked does not wait for it any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from agenthands.adapters.gateway_request import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request


async def while_awaited[T](request: Request, call: Coroutine[Any, Any, T], hangs_after: float) -> T:
    """Give what `call` gives; the body of `request` was read before.

    Once nobody waits, a call that has taken `hangs_after` seconds is cancelled. A younger one goes on: its answer will
    say what it cost. Raises Refusal for the one, and what `call` raises.
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
