"""Lets a sandbox reach the hosts that the user listed, and no others, through an HTTP proxy on a Unix socket.

PyPI's proxy.py would not do: its filters see a host's name, which is resolved later, when it connects, so a name that
resolves to an internal address passes. Here the proxy connects to the very address that was checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from agenthands.sandbox.egress_rules import WEB_PORTS, EgressRule, Refused, addresses_of, host_name, is_host
from agenthands.sandbox.relay_script import pump

_SECONDS = 20.0
_MOST_NOTED = 100
_LARGEST_HEAD = 32 * 1024


class Gateway(Protocol):
    """What stands between a sandbox and certain hosts, and is asked in their place."""

    @property
    def names(self) -> Sequence[str]:
        """These hosts."""

    def path(self, port: int) -> Path:
        """Return its Unix socket for a port; connections begin with a line of the PROXY protocol."""


class EgressProxy:
    """Forwards requests to the listed hosts: exact names, or names below a `*.domain`; ports 80 and 443, or `:port`.

    An address of this machine or of its networks is refused, whatever name resolves to it, unless the list contains
    the address itself.
    """

    def __init__(self, allowed: Sequence[str], gateway: Gateway | None = None) -> None:
        """Parse the list of hosts. Raises SettingsInvalid for an invalid one.

        What is asked of the hosts of a `gateway` is passed to it.
        """
        self._allowed = [EgressRule.parse(rule) for rule in allowed]
        self._gateway = gateway
        self.refused: list[str] = []
        """The hosts that were asked for and are not listed, each once, with a port that is not usual."""

    @contextmanager
    def open(self, path: Path) -> Iterator[Path]:
        """Serve on the Unix socket `path` until the context ends, which also ends every connection."""
        loop = asyncio.new_event_loop()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        server = loop.run_until_complete(asyncio.start_unix_server(self._serve, sock=listener, limit=_LARGEST_HEAD))
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            yield path
        finally:
            asyncio.run_coroutine_threadsafe(_ended(server), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()
            path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(_SECONDS):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                host, port, rest = _target(head)
                far_reader, far = await self._connected(host, port)
            if rest is None:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                far.write(rest.encode("latin-1"))
            await asyncio.gather(pump(reader, far), pump(far_reader, writer))
        except Refused as error:
            writer.write(f"HTTP/1.1 {error.status}\r\nConnection: close\r\n\r\n{error}\n".encode())
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            if far is None:
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n")
        finally:
            with contextlib.suppress(OSError):
                await writer.drain()
            for each in (writer, far):
                if each:
                    each.close()

    async def _connected(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._gateway and host in self._gateway.names and port in WEB_PORTS:
            reader, writer = await asyncio.open_unix_connection(str(self._gateway.path(port)))
            writer.write(f"PROXY TCP4 127.0.0.1 127.0.0.1 0 {port}\r\n".encode())
            return reader, writer
        if not any(rule.fits(host, port) for rule in self._allowed):
            self._note(host if port in WEB_PORTS else f"{host}:{port}")
            raise Refused("403 Forbidden", f"{host}:{port} is not among the hosts that the user listed (egress).")
        for address, at in await asyncio.to_thread(addresses_of, host, port, self._allowed):
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(address, at)
        raise Refused("502 Bad Gateway", f"{host}:{port} does not answer.")

    def _note(self, host: str) -> None:
        if is_host(host) and host not in self.refused and len(self.refused) < _MOST_NOTED:
            self.refused.append(host)


async def _ended(server: asyncio.Server) -> None:
    server.close()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _target(head: str) -> tuple[str, int, str | None]:
    """Return host, port, and the request head to forward, None for a tunnel. Raises Refused or ValueError."""
    line, _, headers = head.partition("\r\n")
    method, url, version = line.split(" ")
    if method == "CONNECT":
        parts = urlsplit(f"//{url}")
        return host_name(parts.hostname), parts.port or 443, None
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise Refused("400 Bad Request", "This is a proxy: send absolute http URLs, or CONNECT.")
    kept = [each for each in headers.split("\r\n") if not each.lower().startswith(("proxy-", "connection:", "host:"))]
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    # one request per connection: a second one could be for another host
    lines = [f"{method} {path} {version}", f"Host: {parts.netloc.rpartition('@')[2]}", "Connection: close", *kept]
    return host_name(parts.hostname), parts.port or 80, "\r\n".join(lines)
