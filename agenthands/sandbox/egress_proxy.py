"""Lets a sandbox reach the hosts that the user listed, and no others, through an HTTP proxy on a Unix socket.

PyPI's proxy.py would not do: its filters see a host's name, which is resolved later, when it connects, so a name that
resolves to an internal address passes. Here the proxy connects to the very address that was checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from agenthands.errors import SettingsInvalid
from agenthands.sandbox.relay_script import pump

_RULE = re.compile(r"^(\*\.)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?$")
_PORTS = (80, 443)
_SECONDS = 20.0
_MOST_NOTED = 100
_LARGEST_HEAD = 32 * 1024


class Refused(Exception):
    """A request that is refused; the text becomes the body of the response."""

    def __init__(self, status: str, reason: str) -> None:
        """Keep the status, as "403 Forbidden", and the reason."""
        super().__init__(reason)
        self.status = status


class EgressProxy:
    """Forwards requests to the listed hosts: exact names, or names below a `*.domain`; ports 80 and 443, or `:port`.

    An address of this machine or of its networks is refused, whatever name resolves to it, unless the list contains
    the address itself.
    """

    def __init__(self, allowed: Sequence[str]) -> None:
        """Parse the list of hosts. Raises SettingsInvalid for an invalid one."""
        for rule in allowed:
            if not _RULE.match(rule):
                raise SettingsInvalid(
                    f"{rule!r} is no host for egress.", "Write hosts as AGENTHANDS_EGRESS=api.example.com,*.example.org"
                )
        self._allowed = [_parts(rule) for rule in allowed]
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
        if not any(_fits(rule, host, port) for rule in self._allowed):
            self._note(host if port in _PORTS else f"{host}:{port}")
            raise Refused("403 Forbidden", f"{host}:{port} is not among the hosts that the user listed (egress).")
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise Refused("502 Bad Gateway", f"{host} cannot be resolved.") from None
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        outside = [each for each in addresses if _is_public(each) or _is_address(host)]
        if not outside:
            raise Refused("403 Forbidden", f"{host} leads to an address inside, which is not listed itself.")
        for address in outside:
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(address, port)
        raise Refused("502 Bad Gateway", f"{host}:{port} does not answer.")

    def _note(self, host: str) -> None:
        if _RULE.match(host) and host not in self.refused and len(self.refused) < _MOST_NOTED:
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
        return _name(parts.hostname), parts.port or 443, None
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise Refused("400 Bad Request", "This is a proxy: send absolute http URLs, or CONNECT.")
    kept = [each for each in headers.split("\r\n") if not each.lower().startswith(("proxy-", "connection:", "host:"))]
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    # one request per connection: a second one could be for another host
    lines = [f"{method} {path} {version}", f"Host: {parts.netloc.rpartition('@')[2]}", "Connection: close", *kept]
    return _name(parts.hostname), parts.port or 80, "\r\n".join(lines)


def _name(host: str | None) -> str:
    if not host:
        raise Refused("400 Bad Request", "There is no host.")
    return host.rstrip(".").lower()


def _parts(rule: str) -> tuple[str, int | None]:
    found = urlsplit(f"//{rule}")
    return _name(found.hostname), found.port


def _fits(rule: tuple[str, int | None], host: str, port: int) -> bool:
    name, only = rule
    if port != only if only else port not in _PORTS:
        return False
    return host.endswith(name[1:]) and not _is_address(host) if name.startswith("*.") else host == name


def _is_address(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


def _is_public(address: str) -> bool:
    """Return whether an address is public: not loopback, private, link-local (cloud metadata), shared or multicast."""
    found = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    return found.is_global and not found.is_multicast and (inner is None or inner.is_global)
