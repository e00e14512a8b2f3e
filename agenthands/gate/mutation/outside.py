"""What may change in how a tool deals with the outside: what it asks, and what it does where an answer is a failure.

Only tools with recorded worlds are changed so: without them no test could notice.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agenthands.gate.mutation.operators import Change, Segment

_METHODS = {"get": "post", "post": "put", "put": "patch", "patch": "put", "delete": "get", "head": "get"}
_NAMED_METHODS = {"GET": "POST", "POST": "PUT", "PUT": "PATCH", "PATCH": "PUT", "DELETE": "GET", "HEAD": "GET"}
_SENT = {"params", "headers", "json", "data", "content", "cookies", "auth"}
_OF_REQUESTS = _SENT | {"timeout"}
_ASKING = {*_METHODS, "request", "stream", "urlopen", "Request", "send"}
_STATUS = {"status_code", "status", "ok", "is_success", "is_error", "is_client_error", "is_server_error", "code"}


def outside_changes(node: ast.AST, segment: Segment) -> Iterator[Change]:
    """Return all such changes of one node, not of what is below it."""
    match node:
        case ast.Call():
            yield from _call(node, segment)
        case ast.If(test=test) | ast.IfExp(test=test) if _asks_status(test):
            yield Change("failure not seen", "False", test, test)
        case ast.ExceptHandler(body=body):
            yield Change("error not handled", "raise", body[0], body[-1])
        case _:
            return


def _call(node: ast.Call, segment: Segment) -> Iterator[Change]:
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    if name == "raise_for_status" and isinstance(called, ast.Attribute) and not isinstance(called.value, ast.Name):
        yield Change("failure not seen", segment(called.value, called.value), node, node)
    for keyword in node.keywords:
        if keyword.arg == "timeout":
            yield Change("no time-out", "None", keyword.value, keyword.value)
    if name not in _ASKING or not _is_request(node, segment):
        return
    if name in _METHODS and isinstance(called, ast.Attribute):
        owner = segment(called.value, called.value)
        yield Change("another method", f"{owner}.{_METHODS[name]}", called, called)
    for value in [*node.args[:1], *(each.value for each in node.keywords if each.arg == "method")]:
        if isinstance(value, ast.Constant) and value.value in _NAMED_METHODS:
            yield Change("another method", repr(_NAMED_METHODS[value.value]), value, value)
    for keyword in node.keywords:
        if keyword.arg in _SENT:
            yield from _not_sent(keyword.value)


def _not_sent(value: ast.expr) -> Iterator[Change]:
    """Leave out each entry of a dictionary that is sent, or all of it."""
    if isinstance(value, ast.Dict) and len(value.keys) > 1:
        pairs = list(zip(value.keys, value.values, strict=True))
        for left in range(len(pairs)):
            rest = [pair for number, pair in enumerate(pairs) if number != left]
            fewer = ast.Dict([key for key, _ in rest], [each for _, each in rest])
            yield Change("not sent", ast.unparse(fewer), value, value)
    elif not (isinstance(value, ast.Constant) and value.value is None):
        yield Change("not sent", "None", value, value)


def _is_request(node: ast.Call, segment: Segment) -> bool:
    """Return whether a call with such a name asks something, and is not `get` of a dictionary."""
    if any(keyword.arg in _OF_REQUESTS for keyword in node.keywords):
        return True
    given = [segment(each, each).lower() for each in node.args]
    return any("url" in each or "http" in each for each in given)


def _asks_status(test: ast.expr) -> bool:
    """Return whether a condition looks at how a request ended."""
    return any(isinstance(each, ast.Attribute) and each.attr in _STATUS for each in ast.walk(test)) or any(
        isinstance(each, ast.Name) and each.id in _STATUS for each in ast.walk(test)
    )
