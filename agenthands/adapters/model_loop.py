"""The one event loop on which litellm is asked by all gateways of this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


async def on_model_loop(call: Coroutine[Any, Any, Any]) -> Any:
    """Await a call of litellm on the one loop that all gateways share; cancelling reaches the call.

    litellm keeps its clients by the address of the event loop, and its background work moves to whichever loop asked
    last: with a loop for each gateway, builds side by side break each other's.
    """
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="model-calls", daemon=True).start()
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, _loop))
