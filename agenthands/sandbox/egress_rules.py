"""Which hosts may be reached, and at which addresses: a name is resolved once, and never leads inside by itself."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from agenthands.errors import SettingsInvalid

_ADDRESS = r"\[[0-9a-fA-F:.]+\]|[0-9.]+"
_RULE = re.compile(
    rf"^(?P<name>(\*\.)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d{{1,5}})?)(=(?P<at>({_ADDRESS})(:\d{{1,5}})?))?$"
)
WEB_PORTS = (80, 443)


class Refused(Exception):
    """A request that is refused; the text becomes the body of the response."""

    def __init__(self, status: str, reason: str) -> None:
        """Keep the status, as "403 Forbidden", and the reason."""
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class EgressRule:
    """Hosts that may be reached: one name, the names below `*.domain`, or an address; on `port`, else 80 and 443.

    `at` is the address that the user vouches for, whatever the name resolves to, with its port or 0 for the same one.
    """

    name: str
    port: int | None = None
    at: tuple[str, int] | None = None

    @classmethod
    def parse(cls, text: str) -> EgressRule:
        """Read `host`, `host:port`, `*.domain` or `host=address[:port]`. Raises SettingsInvalid."""
        found = _RULE.match(text)
        with contextlib.suppress(ValueError, Refused):
            if found:
                at = urlsplit(f"//{found['at']}") if found["at"] else None
                if at is None or is_address(str(at.hostname)):
                    where = (str(at.hostname), at.port or 0) if at else None
                    name = urlsplit(f"//{found['name']}")
                    return cls(host_name(name.hostname), name.port, where)
        raise SettingsInvalid(
            f"{text!r} is no host for egress.", "Write hosts as AGENTHANDS_EGRESS=api.example.com,*.example.org"
        )

    def fits(self, host: str, port: int) -> bool:
        """Return whether this rule allows a host, as `host_name` writes it, on a port."""
        if port != self.port if self.port else port not in WEB_PORTS:
            return False
        if self.name.startswith("*."):
            return host.endswith(self.name[1:]) and not is_address(host)
        return host == self.name


def addresses_of(host: str, port: int, rules: Iterable[EgressRule]) -> list[tuple[str, int]]:
    """Resolve a name, once, and return where it may be reached: those addresses to which the caller connects.

    An address of this machine or of its networks is left out, whatever name resolves to it, unless the user listed the
    address itself. Raises Refused.
    """
    rules = list(rules)
    for rule in rules:
        if rule.at and rule.fits(host, port):
            return [(rule.at[0], rule.at[1] or port)]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Refused("502 Bad Gateway", f"{host} cannot be resolved.") from None
    return _outside(host, port, [str(each[4][0]) for each in found], rules)


def _outside(host: str, port: int, addresses: Sequence[str], rules: Sequence[EgressRule]) -> list[tuple[str, int]]:
    listed = {rule.name for rule in rules if rule.fits(rule.name, port)}
    outside = [each for each in dict.fromkeys(addresses) if is_public(each) or is_address(host) or each in listed]
    if not outside:
        raise Refused("403 Forbidden", f"{host} leads to an address inside, which is not listed itself.")
    return [(each, port) for each in outside]


def host_name(host: str | None) -> str:
    """Return a host as rules have it: in lower case, without a dot at its end. Raises Refused if there is none."""
    if not host:
        raise Refused("400 Bad Request", "There is no host.")
    return host.rstrip(".").lower()


def is_host(text: str) -> bool:
    """Return whether a text can be a rule."""
    return bool(_RULE.match(text))


def is_address(host: str) -> bool:
    """Return whether a host is an IP address."""
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


def is_public(address: str) -> bool:
    """Return whether an address is public: not loopback, private, link-local (cloud metadata), shared or multicast."""
    found = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    return found.is_global and not found.is_multicast and (inner is None or inner.is_global)
