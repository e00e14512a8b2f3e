"""An agent factory: one sentence in, a tested NeMo Agent Toolkit agent out.

    import agenthands

    record = agenthands.build("I want an agent that converts recipes between metric and US units")
    agenthands.Store().fetch(record.build_id, "recipes")

`plan`, `build`, `chat`, `revise`, `check`, `try_agent`, `told_data`, `try_models` and `Store` are the public interface,
with the errors of `agenthands.errors`, the events of `agenthands.events` and the records of `agenthands.schemas`. It is
loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agenthands._version import __version__

__all__ = ["Store", "__version__", "build", "chat", "check", "plan", "revise", "told_data", "try_agent", "try_models"]

if TYPE_CHECKING:
    from agenthands.api import Store, build, chat, check, plan, revise, told_data, try_agent, try_models


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from agenthands import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
