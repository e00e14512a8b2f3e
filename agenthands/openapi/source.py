"""Writes the code and the tests of a compiled tool, from its specification alone: the same one makes the same text."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agenthands.openapi.models import models_of
from agenthands.openapi.pages import with_source
from agenthands.openapi.requests import BOUNDARY, request_of
from agenthands.openapi.specification import LONGEST_ANSWER, RETRY_SECONDS
from agenthands.schemas import ErrorExample, Exchange, ResultExample, ToolSpec
from agenthands.schemas.api_operation import HttpOperation, Paging
from agenthands.world.matching import asked_of, fits

_TEMPLATES = Path(__file__).parent / "templates"
_IDEMPOTENT = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")
_UNAVAILABLE = (429, 500, 502, 503, 504)


def tool_source(tool: ToolSpec) -> str:
    """Return the module of a compiled tool."""
    return _formatted(_environment().get_template("tool.py.j2").render(_values(tool)))


def tool_tests(tool: ToolSpec) -> str:
    """Return the tests of a compiled tool."""
    return _formatted(_environment().get_template("tests.py.j2").render({**_values(tool), **_test_values(tool)}))


def _operation(tool: ToolSpec) -> HttpOperation:
    if tool.operation is None:
        raise ValueError(f"{tool.name} is not compiled from an operation")
    return tool.operation


def _values(tool: ToolSpec) -> dict[str, Any]:
    """Return what both templates need."""
    operation = _operation(tool)
    by_place: dict[str, list[Any]] = {place: [] for place in ("path", "query", "header", "cookie", "body")}
    for each in operation.inputs:
        by_place[each.place].append(each)
    is_form = operation.body in ("form", "multipart")
    form = by_place["body"] if is_form else []
    class_name = _class_name(tool.name)
    models, typing = models_of(tool.parameters, class_name)
    secrets = list(tool.effects.secrets)
    tables = {
        "IN_PATH": _table(by_place["path"]),
        "QUERY": _table(by_place["query"], "plain"),
        "REPEATED": _table(by_place["query"], "repeated"),
        "HEADERS": _table(by_place["header"]),
        "COOKIES": _table(by_place["cookie"]),
        "FORM": _table(form, "plain"),
        "FORM_LISTS": _table(form, "repeated"),
        "BODY": _table(by_place["body"]) if operation.body == "fields" else {},
    }
    writes = bool(by_place["path"] or by_place["query"] or by_place["header"] or by_place["cookie"] or form)
    return {
        "name": tool.name, "register": f"{tool.name}_tool", "class_name": class_name, "description": tool.description,
        "operation": operation, "paging": operation.paging, "secrets": secrets, "models": models, "tables": tables,
        "typing": sorted({"Any", *typing}), "quoting": _quoting(tables, operation), "writes": writes,
        "basic": any(each.kind == "basic" for each in operation.credentials),
        "path_lists": any(each.writing == "joined" for each in by_place["path"]),
        "header_lists": any(each.writing == "joined" for each in by_place["header"]),
        "has_query": bool(by_place["query"]), "query_others": _others(by_place["query"]), "form_others": _others(form),
        "has_cookies": bool(by_place["cookie"]) or any(each.kind == "cookie" for each in operation.credentials),
        "idempotent": operation.method in _IDEMPOTENT,
        "aliased": any("alias=" in line for model in models for line in model.fields),
        "again": _UNAVAILABLE if operation.method in _IDEMPOTENT else _UNAVAILABLE[:1],
        "accept": "application/json, */*;q=0.5", "boundary": BOUNDARY, "body_argument": _body_argument(operation),
        "retry_seconds": RETRY_SECONDS, "longest_answer": LONGEST_ANSWER, "key_hint": _key_hint(secrets),
    }  # fmt: skip


def _key_hint(secrets: list[str]) -> str:
    if not secrets:
        return "This is not open to everybody, and trying again does not help."
    return f"{' and '.join(secrets)} may be wrong, or lack a right: trying again does not help."


def _table(inputs: list[Any], writing: str = "") -> dict[str, str]:
    return {each.argument: each.name for each in inputs if writing in ("", each.writing)}


def _others(inputs: list[Any]) -> list[Any]:
    return [each for each in inputs if each.writing not in ("plain", "repeated")]


def _quoting(tables: Mapping[str, Any], operation: HttpOperation) -> list[str]:
    return [*(["quote"] if tables["IN_PATH"] else []), *(["urlencode"] if operation.body == "form" else [])]


def _body_argument(operation: HttpOperation) -> str:
    return {
        "none": "",
        "fields": ", json=body",
        "whole": ', json=given.get("body")',
        "form": ", content=urlencode(fields_of(given))",
        "multipart": ", files=[(name, (None, value)) for name, value in fields_of(given)]",
    }[operation.body]


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _test_values(tool: ToolSpec) -> dict[str, Any]:
    operation = _operation(tool)
    calls: list[list[Any]] = []
    faults: list[tuple[Any, ...]] = []
    for example in tool.examples:
        if isinstance(example, ErrorExample):
            faults.append((example.world, example.arguments, example.raises, _tries(tool, example)))
        elif isinstance(example, ResultExample):
            made = _requests(tool, example)
            calls.append([example.world, example.arguments, example.expected, made])
    world, arguments, expected, _ = next((each for each in calls if len(json.dumps(each[2]["data"])) > 1), calls[0])
    short = json.dumps(expected["data"])
    note = "The answer was too long: lists and texts in it are cut. Ask for less."
    cut = {"status": expected["status"], "data": short[:1], "note": note}
    values = _values(tool)
    names = [
        "API",
        "METHOD",
        f"{values['class_name']}Config",
        "ask",
        "content",
        "pauses",
        "refusal",
        "shortened",
        "wait_of",
    ]
    names += ["written"] if values["writes"] else []
    names += ["IN_PATH", "path_of"] if values["tables"]["IN_PATH"] else []
    names += ["joined"] if values["path_lists"] or values["header_lists"] else []
    paging = operation.paging
    names += ["items", "next_url", *(["ITEMS"] if paging.items else [])] if paging else []
    places = sum(operation.path.count(f"{{{name}}}") for name in values["tables"]["IN_PATH"].values())
    return {
        "calls": calls, "faults": faults, "cut_call": [world, arguments, cut, []], "imported": sorted(names),
        "path_places": places, "next_pages": _next_pages(paging) if paging else [],
    }  # fmt: skip


def _tries(tool: ToolSpec, example: ErrorExample) -> int:
    """Return how many requests are made until an example's error is raised."""
    status = _exchange(tool, example)[0].response.status
    idempotent = _operation(tool).method in _IDEMPOTENT
    return 3 if status in (_UNAVAILABLE if idempotent else _UNAVAILABLE[:1]) else 1


def _exchange(tool: ToolSpec, example: Any) -> list[Exchange]:
    """Return the exchanges that a call leads to, in their order."""
    made = asked_of(request_of(_operation(tool), example.arguments))
    http = tool.worlds[example.world].http
    found = sorted((each for each in http if fits(asked_of(each.request), made)), key=lambda each: each.turn)
    return [*found, *(each for each in http if each not in found)] if "max_pages" in example.arguments else found


def _requests(tool: ToolSpec, example: Any) -> list[list[Any]]:
    made = []
    for exchange in _exchange(tool, example):
        asked = asked_of(exchange.request)
        text = asked.body.decode()
        body: Any = text
        with contextlib.suppress(ValueError):
            body = json.loads(text)
        made.append([asked.method, asked.url, body, dict(asked.headers)])
    return made


def _next_pages(paging: Paging) -> list[tuple[Any, ...]]:
    """Return URL, page, headers and the URL that follows, for each way in which a page can be the last or not."""
    here, there = "https://host.example/list?a=1", "https://host.example/more?b=2"
    full: Any = {paging.items: [1, 2]} if paging.items else [1, 2]
    none: Any = {paging.items: []} if paging.items else []
    if paging.kind in ("page", "offset"):
        first, second = ("2", "3") if paging.kind == "page" else ("2", "4")
        start = "2"
        return [
            (here, full, None, f"{here}&{urlencode({paging.parameter: first})}"),
            (f"{here}&{urlencode({paging.parameter: start})}", full, None,
             f"{here}&{urlencode({paging.parameter: second})}"),
            (here, none, None, ""), (here, "none", None, ""),
        ]  # fmt: skip
    if paging.kind == "link":
        links = {there: there, "https://other.example/more": ""}
        linked = [(here, full, {"Link": f'<{url}>; rel="next"'}, after) for url, after in links.items()]
        return [*linked, (here, full, {"Link": f'<{there}>; rel="last"'}, ""), (here, full, None, "")]
    if paging.kind == "cursor":
        sources = {"c2": f"{here}&{urlencode({paging.parameter: 'c2'})}", "": ""}
    else:
        sources = {there: there, "/more?b=2": there, "https://other.example/more": ""}
    found = [(here, with_source(full, paging, value), None, after) for value, after in sources.items()]
    return [*found, (here, full, None, ""), (here, "none", None, "")]


@cache
def _environment() -> Environment:
    environment = Environment(  # the results are code
        loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    environment.filters |= {"lit": _literal, "doc": lambda text: re.sub(r'["\\\r\n]', "'", str(text))}
    return environment


def _literal(value: Any) -> str:
    """Return a value as Python writes it; nothing in a text can end it."""
    return repr(value)


def _formatted(source: str) -> str:
    """Return code as ruff formats it."""
    from ruff import find_ruff_bin  # type: ignore[import-untyped]

    done = subprocess.run(
        [find_ruff_bin(), "format", "--isolated", "--line-length", "110", "-"],
        input=source, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ValueError(f"The compiled code is no Python: {done.stderr[:500]}")
    return done.stdout
