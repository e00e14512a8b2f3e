"""Stands between a sandbox and the hosts that its tools declare: inside they seem to answer on the loopback.

It ends TLS with the throw-away authority of this process, lets only declared methods pass, puts keys into headers, asks
the real host over verified TLS, and keeps keys out of what comes back.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import h11
import httpcore

from agenthands._util.redaction import remember
from agenthands.outside.forwarding import Answer, Forwarder, OutsideFaultError
from agenthands.outside.keys import Headers, Hider, MisplacedKeyError, refuse_misplaced, told_in, with_keys
from agenthands.outside.recorder import MOST_BODY_BYTES, Met, Recorder
from agenthands.outside.rights import HostRight
from agenthands.sandbox.egress_rules import EgressRule
from agenthands.world.certificates import VARIABLES, authority_certificate, server_context
from agenthands.world.listening import HTTPS, Listening

_WAIT_SECONDS, _IDLE_SECONDS, _LONGEST = 30.0, 60.0, 300.0
_MOST_ASKED = 20 * 1024**2
_STATUS = {
    "not_reached": 502, "certificate_invalid": 502, "answer_broken": 502, "answer_too_long": 502, "no_answer": 504,
}  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    method: str
    url: httpcore.URL
    headers: list[tuple[str, str]]
    body: bytes
    secure: bool

    @property
    def text(self) -> str:
        return bytes(self.url).decode("latin-1")


class OutsideGateway(Listening):
    """Forwards what is asked of declared hosts; see `agenthands.sandbox.base.Loopback`."""

    def __init__(self, rights: Sequence[HostRight], rules: Sequence[EgressRule], folder: Path) -> None:
        """Stand for the hosts of these rights, at addresses that the user's rules allow. Writes into `folder`."""
        super().__init__([right.host for right in rights], folder)
        self.recorder = Recorder()
        self.rights = {right.host: right for right in rights}
        self._keys = list({key.name: key for right in rights for key in right.keys}.values())
        remember(*(key.value for key in self._keys))
        self._hiders = {right.host: Hider(right.keys) for right in rights}
        self._context = server_context(self.names)
        self._forwarder = Forwarder(rules, _WAIT_SECONDS)

    def close(self) -> None:
        """End the Unix sockets and the connections to hosts."""
        super().close()
        self._forwarder.close()

    def connected(self, link: socket.socket, port: int, address: str) -> None:  # noqa: ARG002 - of the loopback; all are one
        """Serve one connection to its end."""
        link.settimeout(_IDLE_SECONDS)
        with contextlib.suppress(h11.ProtocolError):
            if port == HTTPS:
                with self._context.wrap_socket(link, server_side=True) as secured:
                    self._serve(secured, secure=True)
            else:
                self._serve(link, secure=False)

    def _serve(self, link: socket.socket, *, secure: bool) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
        while isinstance(head := _next(connection, link), h11.Request):
            asked = _asked(head, _body(connection, link), secure)
            with self.recorder.under_way():
                goes_on = self._answered(connection, link, asked)
            if not goes_on:
                return
            connection.start_next_cycle()

    def _answered(self, connection: h11.Connection, link: socket.socket, asked: _Asked) -> bool:
        """Answer one request, and keep what came; return whether the connection goes on."""
        host = asked.url.host.decode("ascii", "replace")
        hider = self._hiders.get(host) or Hider(())
        begun = False
        kept = bytearray()
        met = Met(asked.method, asked.text, asked.body[:MOST_BODY_BYTES])
        try:
            right = self._allowed(host, asked)
            filled = with_keys(asked.headers, right.keys)
            until = time.monotonic() + _LONGEST
            with self._forwarder.asked(asked.method, asked.url, filled, asked.body, until) as answer:
                headers = [(name, hider.text(value)) for name, value in answer.headers]
                met = replace(met, status=answer.status, headers=headers, elsewhere=self._elsewhere(asked, headers))
                begun = True
                link.sendall(_head(connection, answer, headers, has_keys=bool(right.keys)))
                for piece in filter(None, hider.pieces(answer.pieces)):
                    if len(kept) <= MOST_BODY_BYTES:
                        kept += piece
                    link.sendall(connection.send(h11.Data(data=piece)) or b"")
                link.sendall(connection.send(h11.EndOfMessage()) or b"")
        except (OutsideFaultError, MisplacedKeyError) as error:
            code = error.code if isinstance(error, OutsideFaultError) else "key_misplaced"
            met = replace(met, fault=code, message=str(error))
            if begun:  # half of it is out: the client sees it break off
                return False
            link.sendall(_refusal(connection, code, str(error)))
        finally:
            whole = len(kept) <= MOST_BODY_BYTES
            self.recorder.note(replace(met, answer=bytes(kept) if whole else b"", cut=not whole))
        return connection.our_state is h11.DONE and connection.their_state is h11.DONE

    def _allowed(self, host: str, asked: _Asked) -> HostRight:
        """Return the right to a request. Raises OutsideFaultError or MisplacedKeyError."""
        right = self.rights.get(host)
        if right is None:
            raise OutsideFaultError("not_reached", f"{host or 'This'} is no host that a tool declares.")
        if asked.method in right.withheld:
            raise OutsideFaultError(
                "write_not_allowed", f"{asked.method} may change something at {host}, and was not allowed to be made."
            )
        if asked.method not in right.methods:
            told = ", ".join(right.methods)
            raise OutsideFaultError("method_undeclared", f"{asked.method} is not declared for {host}; {told} is.")
        body, url = asked.body.decode("latin-1"), unquote(asked.text)
        refuse_misplaced(self._keys, {"a URL": url, "the body of a request": body})
        headers = told_in(asked.headers)
        others = [key for key in self._keys if key not in right.keys]
        refuse_misplaced(others, {"a request to another host": headers})
        if not asked.secure:
            refuse_misplaced(right.keys, {"a request over http, which anybody can read": headers})
        return right

    def _elsewhere(self, asked: _Asked, headers: Headers) -> str:
        """Return the host of a redirect that no tool declares; empty if there is none."""
        target = next((value for name, value in headers if name.lower() == "location"), "")
        with contextlib.suppress(ValueError):
            host = urlsplit(urljoin(asked.text, target)).hostname or ""
            return "" if host in self.rights else host
        return ""


def _head(connection: h11.Connection, answer: Answer, headers: Headers, *, has_keys: bool) -> bytes:
    """Return the beginning of an answer; its length is told where nothing in it can become longer or shorter."""
    told = [*headers]
    if answer.length is not None and not has_keys:
        told.append(("Content-Length", str(answer.length)))
    response = h11.Response(status_code=answer.status, headers=_raw(told), reason=_reason(answer.status))
    return connection.send(response) or b""


def _refusal(connection: h11.Connection, code: str, message: str) -> bytes:
    status = _STATUS.get(code, 403)
    body = json.dumps({"error": code, "message": message}).encode()
    headers = _raw([("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    said = connection.send(h11.Response(status_code=status, headers=headers, reason=_reason(status))) or b""
    said += connection.send(h11.Data(data=body)) or b""
    return said + (connection.send(h11.EndOfMessage()) or b"")


def _raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _reason(status: int) -> str:
    with contextlib.suppress(ValueError):
        return HTTPStatus(status).phrase
    return ""


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
        if len(body) > _MOST_ASKED:
            raise ValueError("the body is too long")
    return bytes(body)


def _asked(head: h11.Request, body: bytes, secure: bool) -> _Asked:
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers]
    target = head.target.decode("latin-1")
    parts = urlsplit(target)
    named = next((value for name, value in headers if name.lower() == "host"), parts.netloc)
    host = named.rpartition("@")[2].partition(":")[0].rstrip(".").lower()
    if parts.netloc:  # a client that takes us for a proxy
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    url = httpcore.URL(
        scheme=b"https" if secure else b"http", host=host.encode("latin-1"), port=None, target=target.encode("latin-1")
    )
    return _Asked(head.method.decode("ascii"), url, headers, body, secure)


@dataclass(frozen=True)
class Outside:
    """A gateway that is open, and what a command needs that goes through it."""

    gateway: OutsideGateway
    variables: Mapping[str, str]
    read_only: Sequence[Path]


@contextlib.contextmanager
def outside(rights: Sequence[HostRight], rules: Sequence[EgressRule], folder: Path) -> Iterator[Outside | None]:
    """Yield an open gateway to the hosts of these rights, with its files in a new `folder`; None without any right.

    Its variables are the placeholders of keys, and where clients find whom to trust: this gateway, and the system's
    store for what does not go through it.
    """
    if not rights:
        yield None
        return
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    bundle = folder / "authorities.pem"
    bundle.write_bytes(authority_certificate() + b"\n" + _system_store())
    gateway = OutsideGateway(rights, rules, folder)
    placeholders = {key.name: key.placeholder for right in rights for key in right.keys}
    try:
        direct = dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(["127.0.0.1", "localhost", *gateway.names]))
        yield Outside(gateway, {**dict.fromkeys(VARIABLES, str(bundle)), **direct, **placeholders}, [folder])
    finally:
        gateway.close()


def _system_store() -> bytes:
    known = ssl.get_default_verify_paths()
    with contextlib.suppress(OSError):
        if known.cafile:
            return Path(known.cafile).read_bytes()
    import certifi

    return Path(certifi.where()).read_bytes()
