"""The request that a compiled tool must make for its arguments, written a second time: worlds record it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from agenthands.schemas import Request
from agenthands.schemas.api_operation import Carried, Credential, HttpOperation

BOUNDARY = "agenthands-form"
DUMMY = "dummy"


def request_of(operation: HttpOperation, arguments: Mapping[str, Any]) -> Request:
    """Return the request of a call, with the headers that count."""
    carried = {
        place: [each for each in operation.inputs if each.place == place and arguments.get(each.argument) is not None]
        for place in ("path", "query", "header", "cookie", "body")
    }
    path = operation.path
    for each in carried["path"]:
        path = path.replace(f"{{{each.name}}}", quote(_text(each, arguments[each.argument]), safe=""))
    query: dict[str, str | list[str]] = {}
    for name, value in (pair for each in carried["query"] for pair in _pairs(each, arguments[each.argument])):
        query[name] = [*_listed(query.get(name, [])), value]
    headers = {each.name: _text(each, arguments[each.argument]) for each in carried["header"]}
    cookies = [f"{each.name}={_text(each, arguments[each.argument])}" for each in carried["cookie"]]
    for credential in operation.credentials:
        headers |= _signed(credential, cookies)
    if cookies:
        headers["Cookie"] = "; ".join(cookies)
    values: dict[str, Any] = {"method": operation.method, "url": f"{operation.server}{path}", "query": query}
    return Request.model_validate({**values, "headers": headers, **_body(operation, carried["body"], arguments)})


def secrets_of(operation: HttpOperation) -> dict[str, str]:
    """Return dummies for the keys of an operation."""
    return {name: dummy(name) for each in operation.credentials for name in each.secrets}


def dummy(name: str) -> str:
    """Return what stands in a world for a key."""
    return f"{DUMMY}-{name.lower().replace('_', '-')}"


def _signed(credential: Credential, cookies: list[str]) -> dict[str, str]:
    values = [dummy(name) for name in credential.secrets]
    if credential.kind == "cookie":
        cookies.append(f"{credential.name}={values[0]}")
        return {}
    if credential.kind == "basic":
        return {"Authorization": f"Basic {base64.b64encode(':'.join(values).encode()).decode()}"}
    return {credential.name: f"Bearer {values[0]}" if credential.kind == "bearer" else values[0]}


def _body(operation: HttpOperation, carried: list[Carried], arguments: Mapping[str, Any]) -> dict[str, Any]:
    if operation.body == "none" or (operation.body == "whole" and not carried):
        return {}
    if operation.body == "whole":
        return _as_body(arguments[carried[0].argument])
    if operation.body == "fields":
        return _as_body({each.name: arguments[each.argument] for each in carried})
    pairs = [pair for each in carried for pair in _pairs(each, arguments[each.argument])]
    if operation.body == "form":
        return {"body": urlencode(pairs)}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in pairs
    ]
    return {"body": "".join([*parts, f"--{BOUNDARY}--\r\n"])} if pairs else {}


def _as_body(value: Any) -> dict[str, Any]:
    return {"json": value} if value is not None else {"body": "null"}


def _pairs(carried: Carried, value: Any) -> Iterator[tuple[str, str]]:
    if carried.writing == "repeated" and isinstance(value, list):
        yield from ((carried.name, written(each)) for each in value)
    elif carried.writing == "deep":
        yield from ((f"{carried.name}[{key}]", written(each)) for key, each in value.items())
    elif carried.writing == "pairs":
        yield from ((str(key), written(each)) for key, each in value.items())
    else:
        yield carried.name, _text(carried, value)


def _text(carried: Carried, value: Any) -> str:
    if carried.writing == "json":
        return json.dumps(value)
    if isinstance(value, list):
        return carried.separator.join(map(written, value))
    return written(value)


def written(value: Any) -> str:
    """Return a value as it stands in a URL, a header or a form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value)


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]
