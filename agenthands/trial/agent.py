"""Tries what an agent needs of a model: tool calls through the gateway, streamed, and their results read."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from agenthands._util.formatting import one_line
from agenthands.llm.budget import BudgetScope
from agenthands.llm.gateway.base import ModelGateway, OpenGateway
from agenthands.llm.prompts import render
from agenthands.trial.answers import Found

TOOL = "weather__of_a_city"
CITIES = {"Oslo": "wet 417", "Rome": "dry 862"}
"""What the tool says of each city."""
_ROUNDS = 4
_SECONDS = 600.0  # the gateway's own limit ends a call before
_TOLD = 160
_PARAMETERS = {
    "type": "object",
    "properties": {
        "place": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "region": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
            "required": ["city"],
        },
        "day": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "units": {"type": "array", "items": {"type": "string", "enum": ["C", "F"]}},
    },
    "required": ["place"],
}


def try_tools(gateway: ModelGateway, scope: BudgetScope) -> Found:
    """Have the model call a tool for two cities, with nested and nullable parameters, and use what it returns.

    Raises BudgetReached.
    """
    with (
        tempfile.TemporaryDirectory(prefix="trial-") as folder,
        gateway.open(Path(folder) / "model.sock", scope) as opened,
    ):
        return _talked(opened, scope)


def _talked(gateway: OpenGateway, scope: BudgetScope) -> Found:
    question = render("trial/agent.md.j2", tool=TOOL, cities=list(CITIES))
    messages: list[dict[str, Any]] = [{"role": "user", "content": question}]
    asked: list[str] = []
    at_once = False
    for _ in range(_ROUNDS):
        scope.require()
        message = _answer(gateway, messages)
        if message is None:
            fault = gateway.usage.fault
            said = gateway.usage.errors[-1] if gateway.usage.errors else "no answer"
            return one_line(said, 2 * _TOLD), fault.code if fault else "tools_refused"
        calls = message.get("tool_calls") or []
        if not calls:
            return _ended(str(message.get("content") or ""), asked, at_once)
        messages.append(message)
        at_once = at_once or len(calls) > 1
        for call in calls:
            city = _city(call)
            if city not in CITIES:
                return f"it called {TOOL} with {one_line(call['function']['arguments'], _TOLD)}", "arguments_wrong"
            asked.append(city)
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": CITIES[city]})
    return f"after {_ROUNDS} answers it still calls the tool", "results_unread"


def _ended(text: str, asked: list[str], at_once: bool) -> Found:
    if not asked:
        return f"it answered {json.dumps(one_line(text, _TOLD), ensure_ascii=False)}", "tools_not_called"
    missing = [city for city, weather in CITIES.items() if weather.split()[-1] not in text]
    if missing:
        return f"of {' and '.join(missing)} it does not say what the tool returned", "results_unread"
    how = "several at once" if at_once else "one after the other"
    return f"tools are called through the gateway, streamed, {how}, and their results are read", ""


def _city(call: Mapping[str, Any]) -> str:
    """Return the city that a call asks for; empty if its arguments do not fit the tool."""
    function = call["function"]
    try:
        given = json.loads(function["arguments"])
    except ValueError:
        return ""
    fits = function["name"] == TOOL and Draft202012Validator(_PARAMETERS).is_valid(given)
    return str(given["place"]["city"]) if fits else ""


def _answer(gateway: OpenGateway, messages: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the message that the gateway streams, put together as a client does; None where it refuses."""
    import httpx

    function = {"name": TOOL, "description": "Says the weather of one city, on a day.", "parameters": _PARAMETERS}
    body = {
        "model": "agent", "messages": messages, "tools": [{"type": "function", "function": function}], "stream": True,
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {gateway.token}"}
    transport = httpx.HTTPTransport(uds=str(gateway.socket))
    with (
        httpx.Client(transport=transport, base_url="http://gateway/v1", headers=headers, timeout=_SECONDS) as client,
        client.stream("POST", "/chat/completions", json=body) as response,
    ):
        if response.status_code != 200:
            return None
        return _put_together(response.iter_lines())


def _put_together(lines: Iterator[str]) -> dict[str, Any]:
    text = ""
    calls: dict[int, dict[str, str]] = {}
    for line in lines:
        data = line.removeprefix("data: ")
        if data == line or data == "[DONE]":
            continue
        for choice in json.loads(data)["choices"]:
            delta = choice["delta"]
            text += delta.get("content") or ""
            for part in delta.get("tool_calls") or []:
                call = calls.setdefault(part["index"], {"id": "", "name": "", "arguments": ""})
                call["id"] += part.get("id") or ""
                for name in ("name", "arguments"):
                    call[name] += part.get("function", {}).get(name) or ""
    made = [
        {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
        for call in calls.values()
    ]
    return {"role": "assistant", "content": text or None, **({"tool_calls": made} if made else {})}
