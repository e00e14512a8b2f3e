"""Asks real hosts over HTTP: each name resolved once and checked, certificates verified, sizes and times bounded."""

from __future__ import annotations

import contextlib
import ssl
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import httpcore

from agenthands.outside.keys import Headers
from agenthands.sandbox.egress_rules import EgressRule, Refused, addresses_of

MOST_BYTES = 32 * 1024**2
"""Bytes of one answer; a longer one is broken off."""
_PIECE = 65536
_HOPS = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "host", "accept-encoding", "expect",
}  # fmt: skip
OutsideCode = Literal[
    "not_reached", "address_inside", "certificate_invalid", "no_answer", "answer_broken", "answer_too_long",
    "method_undeclared", "write_not_allowed", "key_misplaced",
]  # fmt: skip


class OutsideFaultError(Exception):
    """Why there is no answer of a real host: the code, and a sentence."""

    def __init__(self, code: OutsideCode, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.code = code


@dataclass
class Answer:
    """The beginning of an answer; `pieces` is its body, decoded. Reading it may raise OutsideFaultError."""

    status: int
    headers: list[tuple[str, str]]
    pieces: Iterator[bytes]
    length: int | None


class CheckedNetwork(httpcore.NetworkBackend):
    """Connects to the very address that was checked, so that a name cannot lead elsewhere afterwards."""

    def __init__(self, rules: Iterable[EgressRule]) -> None:
        """Take the rules of the user."""
        self._rules = list(rules)
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        """Connect to the first address of a host that may be reached and answers."""
        last: Exception | None = None
        for address, at in addresses_of(host, port, self._rules):
            try:
                return self._plain.connect_tcp(address, at, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last or httpcore.ConnectError("no address")


class Forwarder:
    """A client of real hosts for several threads at once. The system's store, or SSL_CERT_FILE, says whom to trust."""

    def __init__(self, rules: Sequence[EgressRule], seconds: float) -> None:
        """Take the rules of the user; `seconds` limits each wait for the network."""
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(), network_backend=CheckedNetwork(rules), max_connections=64,
            keepalive_expiry=15,
        )  # fmt: skip
        self._seconds = seconds

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    @contextlib.contextmanager
    def asked(self, method: str, url: httpcore.URL, headers: Headers, body: bytes, until: float) -> Iterator[Answer]:
        """Send a request and yield the answer; all of it must be there at the monotonic time `until`.

        Redirects are not followed. Raises OutsideFaultError.
        """
        host = url.host.decode("ascii", "replace")
        sent = [(name, value) for name, value in headers if name.lower() not in {*_HOPS, "content-length"}]
        own = [("Host", host), ("Accept-Encoding", "identity"), ("Connection", "keep-alive")]
        length = [("Content-Length", str(len(body)))] if body or method in ("POST", "PUT", "PATCH") else []
        with contextlib.ExitStack() as ends:
            with _faults(host):
                raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in [*own, *sent, *length]]
                times = dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)
                response = ends.enter_context(
                    self._pool.stream(method, url, headers=raw, content=body, extensions={"timeout": times})
                )
                answer = _answer(host, response, until)
            yield answer


def _answer(host: str, response: httpcore.Response, until: float) -> Answer:
    all_headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]
    told = {name.lower(): value for name, value in all_headers}
    encoding = told.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", "deflate"):
        raise OutsideFaultError(
            "answer_broken", f"{host} answers in the encoding {encoding[:40]}, which nobody asked for."
        )
    plain = encoding == "identity"
    length = int(told["content-length"]) if plain and told.get("content-length", "").isdigit() else None
    if length is not None and length > MOST_BYTES and response.status not in (204, 304):
        raise OutsideFaultError(
            "answer_too_long", f"The answer of {host} has {length:,} bytes; at most {MOST_BYTES:,} are read."
        )
    kept = [
        (name, value)
        for name, value in all_headers
        if name.lower() not in {*_HOPS, "content-encoding", "content-length"}
    ]
    return Answer(response.status, kept, _bounded(host, response, plain, until), length)


def _bounded(host: str, response: httpcore.Response, plain: bool, until: float) -> Iterator[bytes]:
    read = 0
    for piece in _decoded(host, response, plain):
        read += len(piece)
        if read > MOST_BYTES:
            raise OutsideFaultError("answer_too_long", f"The answer of {host} has more than {MOST_BYTES:,} bytes.")
        if time.monotonic() > until:
            raise OutsideFaultError("no_answer", f"The answer of {host} does not come to its end.")
        yield piece


def _decoded(host: str, response: httpcore.Response, plain: bool) -> Iterator[bytes]:
    unpacked = None if plain else zlib.decompressobj(47)
    with _faults(host):
        for chunk in response.iter_stream():
            if unpacked is None:
                yield chunk
                continue
            while chunk:  # a little can become very much
                if piece := unpacked.decompress(chunk, _PIECE):
                    yield piece
                chunk = unpacked.unconsumed_tail


@contextlib.contextmanager
def _faults(host: str) -> Iterator[None]:
    """Tell what the network does to us in our own words and codes."""
    try:
        yield
    except Refused as error:
        inside = error.status.startswith("403")
        raise OutsideFaultError("address_inside" if inside else "not_reached", str(error)) from None
    except (httpcore.ReadTimeout, httpcore.WriteTimeout, httpcore.PoolTimeout):
        raise OutsideFaultError("no_answer", f"{host} does not answer in time.") from None
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
        causes = (error.__context__, *error.args)
        if invalid := next((each for each in causes if isinstance(each, ssl.SSLCertVerificationError)), None):
            why = invalid.verify_message
            raise OutsideFaultError(
                "certificate_invalid", f"The certificate of {host} does not verify: {why}."
            ) from None
        raise OutsideFaultError("not_reached", f"{host} cannot be reached.") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, zlib.error, UnicodeError):
        raise OutsideFaultError("answer_broken", f"{host} breaks the connection off, or speaks no HTTP.") from None
