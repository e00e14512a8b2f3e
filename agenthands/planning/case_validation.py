"""Complaints about a plan's test cases: what cannot be decided, and what a case would not prove."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agenthands._util.untrusted_json import regex_fault
from agenthands.environments.nat_registry import NETWORK_BUILTINS
from agenthands.schemas import CaseCheck, Plan, TestCase
from agenthands.schemas.plan_agent import edges
from agenthands.schemas.test_case import called_tools

_ANY = "any"
_LANGUAGE = re.compile(r"[a-z]{2}")
# Agent types that NAT gives the whole conversation; the others get the last message of it.
_CONVERSE = {"tool_calling_agent", "react_agent", "rewoo_agent", "reasoning_agent", "chat_completion"}
# Words that begin the names of tools that fetch data, as servers name them in English.
_FETCHES = {
    "download", "fetch", "find", "get", "list", "load", "lookup", "query", "read", "retrieve", "search", "show",
}  # fmt: skip
_NUMBER = re.compile(r"\d[\d.,]*\d|\d")
_MANY_NUMBERS = 12
_MANY_ROWS = 3
_TELLING = re.compile(r"\d+[.,]\d+|\d{3,}")


def case_complaints(plan: Plan) -> Iterator[str]:
    """Yield an exact complaint about each test case that cannot be decided, or that would prove nothing."""
    names = _Names(plan)
    for case in plan.test_cases:
        where = f"test_cases.{case.id}"
        for check in case.checks:
            yield from (f"{where}: {each}" for each in _check_complaints(check, names))
        yield from (f"{where}: {each}" for each in _history_complaints(case, plan))
        if fault := _data_fault(case, _fetching(plan)):
            yield f"{where}: {fault}"


class _Names:
    """What a plan's agents can call."""

    def __init__(self, plan: Plan) -> None:
        self.custom = [tool.name for tool in plan.custom_tools]
        self.tools = [*self.custom, *(tool.type for tool in plan.builtin_tools)]
        self.tools += [f"{server.id}__{tool}" for server in plan.mcp_servers for tool in server.tools]
        self.agents = [agent.name for agent in plan.agents]
        self.edges = edges(plan.agents)
        self.parameters = {tool.name: tool.argument_names for tool in plan.custom_tools}

    def unknown_tool(self, name: object) -> str:
        """Return that there is no such tool; empty where there is one."""
        if name in self.tools:
            return ""
        more = " (an agent: check it with agent_called)" if name in self.agents else ""
        return f"there is no tool {name!r}{more}; there are {', '.join(sorted(self.tools)) or 'none'}."

    def unknown(self, name: object) -> str:
        """Return that there is neither such a tool nor such an agent; empty where there is one."""
        if name in self.tools or name in self.agents:
            return ""
        known = ", ".join([*sorted(self.tools), *self.agents])
        return f"there is no tool and no agent {name!r}; there are {known}."


def _check_complaints(check: CaseCheck, names: _Names) -> Iterator[str]:
    if check.kind in _OF_TEXT:
        yield from _text(check)
    elif check.kind == "language":
        yield from _language(check)
    elif check.kind in _OF_CALLS:
        yield from _OF_CALLS[check.kind](check, names)


def _text(check: CaseCheck) -> Iterator[str]:
    if not isinstance(check.value, str) or not check.value:
        yield f"the value of {check.kind} must be text."
    elif check.kind == "regex" and (fault := regex_fault(check.value)):
        yield f"{check.value!r}: {fault}."


def _tool(check: CaseCheck, names: _Names) -> Iterator[str]:
    value = check.value
    if isinstance(value, str):
        yield from filter(None, [names.unknown_tool(value)])
        return
    if check.kind != "tool_called" or not isinstance(value, dict) or "tool" not in value:
        form = (
            "text, or an object with tool and, as needed, arguments and result" if check.kind == "tool_called" else ""
        )
        yield f"the value of {check.kind} must be {form or 'the name of a tool'}."
        return
    if more := sorted(value.keys() - {"tool", "arguments", "result"}):
        yield f"tool_called knows tool, arguments and result, not {', '.join(more)}."
    yield from filter(None, [names.unknown_tool(value["tool"])])
    arguments = value.get("arguments", {})
    if not isinstance(arguments, dict):
        yield "the arguments of tool_called must be an object: names of parameters, and what each must be."
        return
    known = names.parameters.get(str(value["tool"]))
    if known is not None and (extra := sorted(arguments.keys() - set(known))):
        yield f"{value['tool']} has no parameters {', '.join(extra)}; it has {', '.join(known) or 'none'}."
    for each in (arguments, value.get("result")):
        yield from _pattern_faults(each)


def _pattern_faults(value: Any) -> Iterator[str]:
    """Yield the fault of every {"regex": ...} in what a call is compared with."""
    if isinstance(value, dict) and set(value) == {"regex"}:
        pattern = value["regex"]
        fault = regex_fault(pattern) if isinstance(pattern, str) else "it is no text"
        if fault:
            yield f"{pattern!r}: {fault}."
        return
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inside:
        yield from _pattern_faults(each)


def _agent(check: CaseCheck, names: _Names) -> Iterator[str]:
    value = check.value if isinstance(check.value, dict) else {"agent": check.value}
    if more := sorted(value.keys() - {"agent", "by"}):
        yield f"agent_called knows agent and by, not {', '.join(more)}."
    asked, by = value.get("agent"), value.get("by")
    for name in (asked, *([by] if by else [])):
        if name not in names.agents:
            yield f"there is no agent {name!r}; there are {', '.join(names.agents)}."
            return
    callers = [caller for caller, other in names.edges if other == asked]
    if not callers:
        yield f"nobody asks {asked}, so it is never called: it answers the user itself."
    elif by and by not in callers:
        yield f"{by} does not have {asked} among its tools; {', '.join(callers)} does."


def _listed(check: CaseCheck, names: _Names) -> Iterator[str]:
    listed = check.value if isinstance(check.value, list) else [check.value]
    if check.kind == "called_in_order" and (not isinstance(check.value, list) or len(listed) < 2):
        yield "the value of called_in_order must be a list of two names or more."
        return
    for name in listed:
        if name != _ANY or check.kind == "called_in_order":
            yield from filter(None, [names.unknown(name)])


def _language(check: CaseCheck) -> Iterator[str]:
    if not isinstance(check.value, str) or not _LANGUAGE.fullmatch(check.value):
        yield f"the value of language must be an ISO 639-1 code such as en or de, not {check.value!r}."


_OF_TEXT = ("contains", "not_contains", "regex")
_OF_CALLS: Mapping[str, Callable[[CaseCheck, _Names], Iterator[str]]] = {
    "tool_called": _tool,
    "tool_fails": _tool,
    "agent_called": _agent,
    "not_called": _listed,
    "refused": _listed,
    "asks_back": _listed,
    "called_in_order": _listed,
}


def _history_complaints(case: TestCase, plan: Plan) -> Iterator[str]:
    if not case.history:
        return
    roles = [turn.role for turn in case.history]
    if roles != [("user", "assistant")[place % 2] for place in range(len(roles))] or len(roles) % 2:
        yield "history must begin with the user, who takes turns with the assistant, and end with the assistant."
    entry = plan.entry_agent
    if entry.type not in _CONVERSE:
        yield (
            f"it has a history, but NAT gives {entry.name}, a {entry.type}, the last message alone; leave the history "
            f"out, or have a tool_calling_agent answer the user."
        )


def _fetching(plan: Plan) -> set[str]:
    """Return the planned tools that are there to fetch data, as their effects or their names tell."""
    fetching = {tool.name for tool in plan.custom_tools if tool.reaches_network or any(tool.effects.places())}
    fetching |= {tool.type for tool in plan.builtin_tools if tool.type in NETWORK_BUILTINS}
    for server in plan.mcp_servers:
        for tool in server.tools:
            if _FETCHES & set(re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", tool).lower())[:2]):
                fetching.add(f"{server.id}__{tool}")
    return fetching


def _data_fault(case: TestCase, fetching: set[str]) -> str:
    """Return that the question holds what a tool is there to fetch; empty where it does not, or where that is open.

    Data that a tool computes on may stand in the question, so a case that calls any other tool too is let pass.
    """
    called = called_tools(case)
    if not called or called - fetching:
        return ""
    fetched = ", ".join(sorted(called))
    for check in case.checks:
        texts = [check.value] if check.kind == "contains" else _results(check)
        for text in texts:
            if (
                isinstance(text, str)
                and _TELLING.fullmatch(text.strip())
                and text.strip() in _NUMBER.findall(case.query)
            ):
                return f"the question says {text.strip()}, which {fetched} is there to fetch: ask without it."
    if _is_data(case.query):
        return f"the question holds the data that {fetched} is there to fetch: ask as a user who does not have it."
    return ""


def _results(check: CaseCheck) -> list[Any]:
    return [check.value.get("result")] if check.kind == "tool_called" and isinstance(check.value, dict) else []


def _is_data(question: str) -> bool:
    """Whether a question carries a table, a JSON value, or a long row of numbers."""
    rows = [line for line in question.splitlines() if len(re.split(r"[,;|\t]", line)) > 2]
    if len(rows) >= _MANY_ROWS:
        return True
    start = min((place for place in (question.find("["), question.find("{")) if place >= 0), default=-1)
    if start >= 0:
        try:
            value, _ = json.JSONDecoder().raw_decode(question[start:])
        except (ValueError, RecursionError):
            value = []
        if len(value) >= _MANY_ROWS:
            return True
    return len(_NUMBER.findall(question)) >= _MANY_NUMBERS
