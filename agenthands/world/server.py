"""Plays recorded worlds over HTTP and HTTPS, each with a state of its own for every address on which it is asked.

The whole of 127.0.0.0/8 is a sandbox's own loopback, so an address says who asks: it is 127.x.y.z with whatever number
the client has chosen. Under the name `CONTROL` it says in which world it is, begun anew (POST /begin/NUMBER; with
/fails behind it every host has an outage there), and asks for the requests since then (GET /requests). Both tell how
often the address has begun a world: whoever has not done so himself learns that somebody else has. So a connection
that a client keeps open stays good in the next world.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import struct
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

from agenthands.schemas import Response, World
from agenthands.world.certificates import server_context
from agenthands.world.listening import HTTPS, Listening
from agenthands.world.matching import Asked, Recorded

CONTROL, BEGUN = "world.invalid", "x-begun"
NOT_RECORDED = 599
"""The status of the answer to a request that no exchange records."""
_MOST_BODY, _MOST_LOGGED, _MOST_STATES = 20 * 1024**2, 1000, 4096
_MOST_SHOWN = 20_000
_OUTAGE = Response(status=500, body="<html><h1>Internal Server Error</h1></html>")
_BEGIN = re.compile(r"/begin/(\d{1,3})(/fails)?")
_IDLE_SECONDS, _LONGEST_SILENCE = 60.0, 300.0
_OURS = {"content-length", "transfer-encoding", "content-encoding", "connection", "date", "keep-alive"}


@dataclass
class _State:
    """What was asked on one address since it has begun a world, which of them, and how often it has begun one."""

    world: int = 0
    begun: int = 0
    fails: bool = False
    times: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    log: list[dict[str, Any]] = field(default_factory=list)


class WorldServer(Listening):
    """Serves worlds on sockets that a sandbox listens on; see `agenthands.sandbox.base.Loopback`."""

    def __init__(self, worlds: Sequence[World], hosts: Sequence[str], folder: Path) -> None:
        """Read the worlds, in the order of their numbers, and write what a sandbox mounts into `folder`.

        Raises ValueError for a URL that no client can ask.
        """
        super().__init__([*hosts, CONTROL], folder)
        self._worlds = [Recorded(world) for world in worlds]
        self._context = server_context(self.names)
        self._states: OrderedDict[str, _State] = OrderedDict()
        self._lock = threading.Lock()
        self._siblings: list[WorldServer] = []

    def sibling(self) -> WorldServer:
        """Return a server of the same worlds with a state of its own, for one sandbox; it is closed with this one."""
        other = self._alike()
        other._states, other._lock, other._siblings = OrderedDict(), threading.Lock(), []
        self._siblings.append(other)
        return other

    def close(self) -> None:
        """End the Unix sockets."""
        for each in self._siblings:
            each.close()
        super().close()

    def connected(self, link: socket.socket, port: int, address: str) -> None:
        """Answer what is asked on one connection, which is idle for a minute at most."""
        link.settimeout(_IDLE_SECONDS)
        with contextlib.suppress(h11.RemoteProtocolError):
            if port == HTTPS:
                with self._context.wrap_socket(link, server_side=True) as secured:
                    self._serve(secured, "https", address)
            else:
                self._serve(link, "http", address)

    def _serve(self, link: socket.socket, scheme: str, address: str) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
        while (head := _next(connection, link)) and isinstance(head, h11.Request):
            asked = _asked(scheme, head, _body(connection, link))
            told = self._controlled if asked.place[1] == CONTROL else self._answer
            response = told(asked, address)
            if not _say(connection, link, response, asked.method):
                return
            connection.start_next_cycle()

    def _controlled(self, asked: Asked, address: str) -> Response:
        with self._lock:
            state = self._state(address)
            if found := _BEGIN.fullmatch(asked.place[2]):
                state = self._states[address] = _State(int(found[1]), state.begun + 1, bool(found[2]))
            return Response(headers={BEGUN: str(state.begun)}, body=json.dumps(state.log))

    def _state(self, address: str) -> _State:
        """Return the state of an address; those that were not used for long are forgotten."""
        state = self._states.setdefault(address, _State())
        self._states.move_to_end(address)
        while len(self._states) > _MOST_STATES:
            self._states.popitem(last=False)
        return state

    def _answer(self, asked: Asked, address: str) -> Response:
        with self._lock:
            number = self._state(address).world
        world = self._worlds[number] if number < len(self._worlds) else Recorded(World())
        found = world.find(asked)
        said = "" if found >= 0 else world.nearest(asked) or "This world records no request."
        with self._lock:
            state = self._state(address)
            times, state.times[found] = state.times[found], state.times[found] + 1
            if len(state.log) < _MOST_LOGGED:
                shown = {**asked.as_json(), "body": asked.as_json()["body"][:_MOST_SHOWN]}
                state.log.append(shown | ({"unrecorded": said} if said else {}))
            fails = state.fails
        if fails:
            return _OUTAGE
        if said:
            told = f"{asked.method} {asked.url} is not recorded. {said}"
            return Response.model_validate({"status": NOT_RECORDED, "json": {"error": "not recorded", "message": told}})
        return world.answer(found, times)


def _next(connection: h11.Connection, link: socket.socket) -> Any:
    while (event := connection.next_event()) is h11.NEED_DATA:
        if connection.they_are_waiting_for_100_continue:
            waiting = h11.InformationalResponse(status_code=100, headers=[])
            link.sendall(connection.send(waiting) or b"")
        connection.receive_data(link.recv(65536))
    return event


def _body(connection: h11.Connection, link: socket.socket) -> bytes:
    body = bytearray()
    while isinstance(event := _next(connection, link), h11.Data):
        body += event.data
        if len(body) > _MOST_BODY:
            raise ValueError("the body is too long")
    return bytes(body)


def _asked(scheme: str, head: h11.Request, body: bytes) -> Asked:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head.headers}
    parts = urlsplit(head.target.decode("latin-1"))
    host = headers.get("host", parts.netloc).rpartition("@")[2].partition(":")[0].lower()
    query = tuple(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    return Asked(head.method.decode("ascii"), (scheme, host, unquote(parts.path) or "/"), query, headers, body)


def _say(connection: h11.Connection, link: socket.socket, response: Response, method: str) -> bool:
    """Send an answer, or what is recorded in its place; return whether the connection goes on."""
    if response.seconds:
        time.sleep(response.seconds)
    if response.fault:
        if response.fault == "reset":
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            link.settimeout(_LONGEST_SILENCE)
            link.recv(1)
        return False
    body, kind = _content(response)
    headers = [(name, value) for name, value in response.headers.items() if name.lower() not in _OURS]
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", kind))
    if response.status not in (204, 304):
        headers.append(("Content-Length", str(len(body))))
    said = connection.send(h11.Response(status_code=response.status, headers=headers, reason=_reason(response.status)))
    if method != "HEAD" and response.status not in (204, 304):
        said = (said or b"") + (connection.send(h11.Data(data=body)) or b"")
    link.sendall((said or b"") + (connection.send(h11.EndOfMessage()) or b""))
    return bool(connection.our_state is h11.DONE and connection.their_state is h11.DONE)


def _content(response: Response) -> tuple[bytes, str]:
    if response.json_body is not None:
        return json.dumps(response.json_body, ensure_ascii=False).encode(), "application/json"
    return (response.body or "").encode(), "text/plain; charset=utf-8" if response.body else ""


def _reason(status: int) -> str:
    from http import HTTPStatus

    if status == NOT_RECORDED:
        return "Not Recorded"
    with contextlib.suppress(ValueError):
        return HTTPStatus(status).phrase
    return ""
