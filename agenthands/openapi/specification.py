"""The specification of a compiled tool: effects, worlds and examples, made from its description and planned calls."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from agenthands._util.json_values import same_json
from agenthands._util.untrusted_json import misfits
from agenthands.openapi.compiling import Compiled, size_of
from agenthands.openapi.document import Document
from agenthands.openapi.pages import MORE, items_of, last_page, leading_to, listing, names_more, next_query
from agenthands.openapi.requests import request_of, secrets_of
from agenthands.openapi.samples import Samples
from agenthands.openapi.shapes import or_null
from agenthands.schemas import ToolSpec
from agenthands.schemas.api_operation import ApiCall, HttpOperation

LONGEST_ANSWER, RETRY_SECONDS = 20_000, 1.0
_LONGEST_SAMPLE = 8_000
_OTHER = {200: 202, 201: 200, 202: 200, 204: 200}
SETTINGS: list[dict[str, Any]] = [
    {"name": "base_url", "schema": {"type": "string"}, "description": "Where the API answers"},
    {"name": "retry_seconds", "schema": {"type": "number"}, "default": RETRY_SECONDS,
     "description": "Pause before a request is made again; twice as long before the third"},
    {"name": "longest_answer", "schema": {"type": "integer"}, "default": LONGEST_ANSWER,
     "description": "Characters of an answer, as JSON, beyond which it is cut"},
]  # fmt: skip


def tool_specification(
    document: Document, compiled: Compiled, purpose: str = "", calls: Sequence[ApiCall] = ()
) -> ToolSpec:
    """Return the specification, with `calls` in the worlds that they name, and made-up ones beside them."""
    worlds = _Worlds(compiled.operation)
    for call in calls:
        worlds.add(call.world, call.arguments, call.status, call.answer)
    shape = _shape(compiled, [*(call.answer for call in calls if call.status < 400)])
    for example in _made_up(document, compiled):
        worlds.add(*example)
    _add_pages(worlds, document, compiled)
    host = urlsplit(compiled.operation.server).hostname
    settings = [{**each, **({} if "default" in each else {"default": compiled.operation.server})} for each in SETTINGS]
    samples = [example["expected"]["data"] for example in worlds.examples if "expected" in example]
    if any(misfits(each, shape) for each in samples):
        shape = {}
    return ToolSpec.model_validate(
        {
            "name": compiled.name,
            "description": compiled.description,
            "purpose": purpose or f"{compiled.operation.method} {compiled.operation.path} of {compiled.operation.api}.",
            "parameters": compiled.parameters,
            "returns": {
                "type": "object",
                "properties": {"status": {"type": "integer"}, "data": shape, "note": {"type": "string"}},
                "required": ["status", "data"],
            },
            "effects": {
                "http": [{"host": host, "methods": [compiled.operation.method]}],
                "secrets": list(secrets_of(compiled.operation)),
                "settings": settings,
            },
            "worlds": worlds.worlds(),
            "examples": worlds.examples,
            "operation": compiled.operation,
        }
    )


def _add_pages(worlds: _Worlds, document: Document, compiled: Compiled) -> None:
    """Record the pages of a list, where it has some."""
    paging, samples = compiled.operation.paging, Samples(document)
    if paging is None:
        return
    page = sample_answer(samples, compiled, 1)
    if not items_of(page, paging):
        shape = compiled.answer["properties"][paging.items] if paging.items else compiled.answer
        items = samples.of(shape, 1)
        page = listing(page, paging, items if isinstance(items, list) and items else [{}])
    worlds.add_pages(sample_arguments(samples, compiled, 1, everything=False), page)


def _shape(compiled: Compiled, answers: Sequence[Any]) -> dict[str, Any]:
    """Return what an answer looks like; anything where an answer is known that does not."""
    shape = or_null(compiled.answer)
    return {} if compiled.answer_schema is None or any(misfits(each, shape) for each in answers) else shape


def refused_as(status: int) -> str:
    """Return the class of the error that a tool raises for an answer's status."""
    if status in (401, 403):
        return "PermissionError"
    if status in (404, 410):
        return "LookupError"
    return "ValueError" if 400 <= status < 500 and status != 429 else "RuntimeError"


class _Worlds:
    """Exchanges by world, each request once, and the examples that make them."""

    def __init__(self, operation: HttpOperation) -> None:
        self._operation = operation
        self._http: dict[str, list[dict[str, Any]]] = {}
        self._asked: dict[str, list[Any]] = {}
        self.examples: list[dict[str, Any]] = []

    def add(self, world: str, arguments: Mapping[str, Any], status: int, answer: Any, again: int = 0) -> None:
        """Record a call; a request that a world has already goes into another one. `again` is the status before it."""
        request = request_of(self._operation, arguments)
        key = request.model_dump(mode="json")
        name, number = world, 2
        while any(same_json(key, each) for each in self._asked.get(name, [])) or (again and name in self._http):
            name, number = f"{world}-{number}", number + 1
        self._asked.setdefault(name, []).append(key)
        exchanges = self._http.setdefault(name, [])
        if again:
            response = {"status": again, "headers": {"Retry-After": "0"}, "json": {"message": "Too many requests"}}
            exchanges.append({"request": key, "response": response, "turn": 1})
        exchanges.append({"request": key, "response": _response(status, answer), **({"turn": 2} if again else {})})
        example: dict[str, Any] = {"arguments": dict(arguments), "world": name}
        if status >= 300:
            self.examples.append({**example, "raises": refused_as(status)})
            return
        more = names_more(answer, self._operation.paging, request.url)
        expected = {"status": status, "data": answer, **({"note": MORE} if more else {})}
        self.examples.append({**example, "requests": [_bare(key)], "expected": expected})

    def add_pages(self, arguments: Mapping[str, Any], page: Any) -> None:
        """Record two pages, for those that are counted an empty third; one call gets all, another one the first."""
        paging = self._operation.paging
        assert paging
        asked = request_of(self._operation, arguments)
        request, query = asked.model_dump(mode="json"), dict(asked.query)
        items = items_of(page, paging)[:2]
        pages = [listing(page, paging, items), listing(page, paging, [*items, *items])]
        pages += [listing(page, paging, [])] if paging.kind in ("page", "offset") else []
        exchanges = []
        for number, one in enumerate(pages):
            headers: dict[str, str] = {}
            held, following = last_page(one, paging), next_query(query, paging, len(items_of(one, paging)))
            if number == 0:
                held, headers = leading_to(held, paging, asked.url, following)
                pages[0] = held
            response = {**_response(200, held), "headers": headers}
            exchanges.append({"request": {**request, "query": query}, "response": response})
            query = following
        self._http["pages"] = exchanges
        every = [item for one in pages for item in items_of(one, paging)]
        requests = [_bare(each["request"]) for each in exchanges]
        whole = {"status": 200, "data": listing(pages[0], paging, every)}
        first = {
            "status": 200,
            "data": pages[0],
            **({"note": MORE} if paging.kind in ("link", "url", "cursor") else {}),
        }
        self.examples += [
            {"arguments": {**arguments, "max_pages": 5}, "world": "pages", "requests": requests, "expected": whole},
            {"arguments": dict(arguments), "world": "pages", "requests": requests[:1], "expected": first},
        ]

    def worlds(self) -> dict[str, Any]:
        settings = {"retry_seconds": 0}
        secrets = secrets_of(self._operation)
        return {name: {"http": http, "secrets": secrets, "settings": settings} for name, http in self._http.items()}


def _bare(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request without its headers."""
    return {part: each for part, each in request.items() if part != "headers" and (each or part in ("json", "body"))}


def _response(status: int, answer: Any) -> dict[str, Any]:
    if status >= 300:
        said = answer if answer is not None else {"message": _SAID.get(status, "It failed")}
        return {"status": status, "json": said} if not isinstance(said, str) else {"status": status, "body": said}
    if answer is None:
        return {"status": status}
    if isinstance(answer, str):
        return {"status": status, "headers": {"Content-Type": "text/plain; charset=utf-8"}, "body": answer}
    return {"status": status, "json": answer}


_SAID = {401: "Bad credentials", 404: "Not found", 422: "A value is not allowed", 500: "Internal error"}


def _made_up(document: Document, compiled: Compiled) -> list[tuple[Any, ...]]:
    """Return calls with their worlds and answers: usual ones, and each fault of the outside that the tool can meet."""
    samples = Samples(document)
    calls = [sample_arguments(samples, compiled, number, everything=number == 2) for number in (1, 2, 3)]
    answers = [sample_answer(samples, compiled, number) for number in (1, 2, 3)]
    statuses = [compiled.status] * 3
    if same_json(answers[0], answers[1]) or same_json(answers[0], answers[2]) or same_json(answers[1], answers[2]):
        statuses = [compiled.status, _OTHER.get(compiled.status, 200), 203]
        if answers[0] is None:
            statuses[2] = 205 if compiled.status == 203 else 203
    found: list[tuple[Any, ...]] = [
        ("usual", arguments, status, answer) for arguments, status, answer in zip(calls, statuses, answers, strict=True)
    ]
    if compiled.operation.credentials:
        found.append(("refused", calls[0], 401, None))
    if any(each.place == "path" for each in compiled.operation.inputs):
        found.append(("absent", calls[0], 404, None))
    if compiled.operation.inputs:
        found.append(("invalid", calls[0], 422, None))
    return [*found, ("broken", calls[0], 500, None), ("busy", calls[0], statuses[0], answers[0], 429)]


def sample_arguments(samples: Samples, compiled: Compiled, number: int, *, everything: bool) -> dict[str, Any]:
    """Return arguments that fit the tool's parameters: those that are required, or all that can be made up."""
    found: dict[str, Any] = {}
    required = compiled.parameters["required"]
    for name, shape in compiled.parameters["properties"].items():
        if name == "max_pages" or (name not in required and not everything):
            continue
        value = samples.of(compiled.arguments.get(name, shape), number, name, sent=True)
        value = _usable(value, shape, number, name, samples)
        if value is not None and (name in required or len(found) < 40):
            found[name] = value
    return found


def _usable(value: Any, shape: Mapping[str, Any], number: int, name: str, samples: Samples) -> Any:
    """Return a value that fits the shape: the given one, else one made of the shape alone, else none."""
    for one in (value, samples.of(shape, number, name), samples.of(shape, number + 50, name)):
        if (
            one is not None
            and one != ""
            and not _has_null(one)
            and size_of(one) < _LONGEST_SAMPLE
            and not misfits(one, shape)
        ):
            return one
    return None


def _has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(each is None or _has_null(each) for each in value.values())
    return isinstance(value, list) and any(each is None or _has_null(each) for each in value)


def sample_answer(samples: Samples, compiled: Compiled, number: int) -> Any:
    """Return an answer as the API could give it: an example of the description, or one made from its schema."""
    if compiled.status in (204, 205, 304) or compiled.answer_schema is None:
        return None
    if compiled.is_text:
        return f"text {number}"
    if number <= len(compiled.answer_examples) and _is_json_value(compiled.answer_examples[number - 1]):
        value = compiled.answer_examples[number - 1]
    else:
        value = samples.of(compiled.answer_schema, number if not compiled.answer_examples else number + 1)
    value = last_page(_cut(value) if size_of(value) > _LONGEST_SAMPLE else value, compiled.operation.paging)
    return {"value": number} if value is None or isinstance(value, str) else value


def _is_json_value(value: Any) -> bool:
    return isinstance(value, dict | list)


def _cut(value: Any) -> Any:
    """Return a value small enough for a world: the first members of what is long."""
    for most in (5, 2, 1):
        value = _few(value, most)
        if size_of(value) <= _LONGEST_SAMPLE:
            return value
    first = dict(list(value.items())[:10]) if isinstance(value, dict) else value
    return first if size_of(first) <= _LONGEST_SAMPLE else None


def _few(value: Any, most: int) -> Any:
    if isinstance(value, list):
        return [_few(each, most) for each in value[:most]]
    if isinstance(value, dict):
        return {key: _few(each, most) for key, each in value.items()}
    return value[:500] if isinstance(value, str) else value


def as_text(value: Any) -> str:
    """Return a value as JSON on one line, for a reader."""
    return json.dumps(value, ensure_ascii=False)
