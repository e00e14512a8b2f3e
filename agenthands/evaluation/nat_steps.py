"""Reads an agent's calls from what NAT records of a run: who called what, with which arguments, and what came back.

Acceptance and the evaluator of each agent's package, which holds a copy of this file, read them here. It therefore
imports nothing of ours, and NAT only where it is used.
"""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar
from typing import Any

_INNER = "_inner"  # ends the names of functions that are parts of an agent, see packaging/agent_config.py
_WORKFLOW = "<workflow>"  # what NAT calls the agent itself among its functions
_TAG = "agenthands"
_FUNCTION = "nat.builder.function"
_CLIENT = "nat.plugins.mcp.client"
# What an agent's model is told where it calls a tool that is not there; nothing else of NAT shows such a call.
_UNKNOWN = re.compile(
    r"Error: (\S+) is not a valid tool, try one of |There is no tool named (.+?)\. Tool must be one of "
)
MOST_CALLS = 200
MOST_TEXT = 40_000
"""Characters of a value of a call, as JSON, that are kept; what is longer becomes a text that is cut off."""


def calls_of(steps: list[Any], room: int = 1_000_000) -> list[dict[str, Any]]:
    """Return the calls of tools and of colleagues, in the order in which they began.

    Each has `name`, `by` (the colleague that called, empty for the agent that was asked), `arguments` and `result` as
    JSON values, `error` and `exception` (its class) where it failed, `at` and `seconds`, which is None where it did not
    end. `refused` says that its arguments were not accepted, so that it never began, or that there is no such tool.
    `room` is about how many characters are kept of all values together.
    """
    reader = _Reader(room)
    for step in steps:
        reader.read(step)
    return reader.calls[:MOST_CALLS]


class _Reader:
    def __init__(self, room: int) -> None:
        self.calls: list[dict[str, Any]] = []
        self._room = room
        self._open: dict[str, dict[str, Any]] = {}
        self._dropped: dict[str, str] = {}
        self._above: dict[str, tuple[str, str]] = {}

    def read(self, step: Any) -> None:
        payload, node = step.payload, step.function_ancestry
        event = str(getattr(payload.event_type, "value", payload.event_type))
        if payload.framework is None and event in ("FUNCTION_START", "FUNCTION_END"):
            self._function(event, payload, node)
        elif event == "CUSTOM_START" and _TAG in (payload.tags or []):
            self._fault(payload, node)

    def _function(self, event: str, payload: Any, node: Any) -> None:
        key, data = str(payload.UUID), payload.data
        if event == "FUNCTION_START":
            self._above[key] = (str(payload.name), str(node.parent_id))
            if _visible(str(payload.name)):
                call = self._call(str(payload.name), self._caller(str(node.parent_id)), data.input, payload)
                self._open[key] = call
        elif key in self._open:
            call = self._open[key]
            call["seconds"] = round(payload.event_timestamp - call["at"], 3)
            output = getattr(data, "output", None)
            if output is None:
                call["error"] = call["error"] or "it gave no result"
            else:
                call["result"] = self._kept(output)
                call["error"] = call["error"] or ("" if str(output).strip() else self._dropped.get(key, ""))

    def _fault(self, payload: Any, node: Any) -> None:
        said = payload.data.input
        if said["dropped"]:
            self._dropped[str(node.function_id)] = said["text"]
            return
        call = self._open.get(str(node.function_id))
        if said["refused"]:
            caller = self._caller(str(node.function_id))
            call = self._call(said["tool"], caller, said["arguments"], payload) | {"refused": True, "seconds": 0.0}
            self.calls[-1] = call
        if call:
            call |= {"error": str(said["text"])[:2000], "exception": said["exception"]}

    def _call(self, name: str, by: str, arguments: Any, payload: Any) -> dict[str, Any]:
        call = {
            "name": name,
            "by": by,
            "arguments": self._kept(arguments),
            "result": None,
            "error": "",
            "exception": "",
            "refused": False,
            "at": payload.event_timestamp,
            "seconds": None,
        }
        self.calls.append(call)
        return call

    def _caller(self, key: str) -> str:
        """Return the nearest colleague at or above a function; empty for the agent that was asked."""
        while key in self._above:
            name, above = self._above[key]
            if _visible(name):
                return name
            key = above
        return ""

    def _kept(self, value: Any) -> Any:
        """Return a value as JSON; one that is too long as text, cut off."""
        text = json.dumps(value, default=_plain, ensure_ascii=False, skipkeys=True)
        most = min(MOST_TEXT, max(self._room, 500))
        self._room -= min(len(text), most)
        if len(text) > most:
            return (value if isinstance(value, str) else text)[:most]
        return json.loads(text, parse_constant=str)  # NaN and infinite numbers are no JSON


def _visible(name: str) -> bool:
    return name != _WORKFLOW and not name.endswith(_INNER)


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if dump else str(value)


def watch() -> None:
    """Have NAT record what it keeps to itself: errors of functions and MCP tools, and calls that it refuses.

    It is called once in a process, before the first run. What a library of NAT's logs must pass its level.
    """
    from langchain_core.callbacks import AsyncCallbackHandler
    from langchain_core.tracers.context import register_configure_hook

    seen = _Refusals()
    methods = ("on_tool_start", "on_tool_end", "on_tool_error", "on_chat_model_start")
    handler = type("Refusals", (AsyncCallbackHandler,), {name: staticmethod(getattr(seen, name)) for name in methods})
    variable: ContextVar[Any] = ContextVar("agenthands_calls", default=handler())  # noqa: B039
    register_configure_hook(variable, inheritable=True)
    for name in (_FUNCTION, _CLIENT):
        logging.getLogger(name).addHandler(_Logged(logging.WARNING))


class _Refusals:
    """Sees the calls that LangChain makes for an agent's model, and those that it refuses."""

    def __init__(self) -> None:
        self._given: dict[Any, tuple[str, Any]] = {}
        self._told: set[tuple[str, int, str]] = set()

    async def on_tool_start(self, serialized: Any, input_str: str, **more: Any) -> None:
        name = (serialized or {}).get("name") or more.get("name") or ""
        self._given[more["run_id"]] = (name, more.get("inputs") or input_str)

    async def on_tool_end(self, *_: Any, **more: Any) -> None:
        self._given.pop(more["run_id"], None)

    async def on_tool_error(self, error: BaseException, **more: Any) -> None:
        name, arguments = self._given.pop(more["run_id"], ("", None))
        if name and type(error).__name__ in ("ValidationError", "ToolInvocationError") and _of_the_model(error):
            _record(name, arguments, error, refused=True)

    async def on_chat_model_start(self, _: Any, messages: Any, **__: Any) -> None:
        for place, message in enumerate(messages[0]):
            text = str(message.content) if message.type in ("tool", "human") else ""
            known = _asked(), place, text
            if (found := _UNKNOWN.match(text)) and known not in self._told:
                self._told.add(known)
                _record(found[1] or found[2], None, text, refused=True)


def _of_the_model(error: BaseException) -> bool:
    """Whether arguments were refused before the function began: the error has not passed through a function of NAT."""
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_globals.get("__name__") == _FUNCTION:
            return False
        trace = trace.tb_next
    return True


class _Logged(logging.Handler):
    """Records the errors that NAT logs in the function that they belong to, and hides from who called it."""

    def emit(self, record: logging.LogRecord) -> None:
        text, arguments = str(record.msg), record.args if isinstance(record.args, tuple) else ()
        if text.startswith("Error with ainvoke") and arguments and isinstance(arguments[-1], Exception):
            _record("", None, arguments[-1])
        elif text.startswith("Error calling tool"):
            _record("", None, (record.exc_info or (None, None))[1] or "its server did not answer")
        elif text.startswith("Got not-text output"):
            kind = getattr(arguments[-1], "__name__", "something") if arguments else "something"
            _record("", None, f"it gave {kind}, which NAT does not pass on", dropped=True)


def _asked() -> str:
    from nat.builder.context import Context

    return str(Context.get().active_function.function_id)


def _record(tool: str, arguments: Any, error: BaseException | str | None, **how: bool) -> None:
    """Add a step to the run in whose context this is called: `refused`, or a part of a result that was `dropped`."""
    from nat.builder.context import Context
    from nat.data_models.intermediate_step import IntermediateStepPayload, IntermediateStepType, StreamEventData

    kind = type(error).__name__ if isinstance(error, BaseException) else ""
    said = {
        "tool": tool,
        "arguments": arguments,
        "exception": kind,
        "text": str(error),
        **{"refused": False, "dropped": False, **how},
    }
    manager = Context.get().intermediate_step_manager
    step = IntermediateStepPayload(
        event_type=IntermediateStepType.CUSTOM_START, name=tool, tags=[_TAG], data=StreamEventData(input=said)
    )
    manager.push_intermediate_step(step)
    manager.push_intermediate_step(step.model_copy(update={"event_type": IntermediateStepType.CUSTOM_END}))
