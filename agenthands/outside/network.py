"""All of the network that a sandbox has: the gateway to hosts that tools declare, the proxy to hosts of the user."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agenthands.outside.gateway import Outside, outside
from agenthands.outside.rights import HostRight
from agenthands.sandbox.egress_proxy import EgressProxy
from agenthands.sandbox.egress_rules import EgressRule


@dataclass(frozen=True)
class Network:
    """The proxy's socket, the hosts that it refused so far, and the gateway to those hosts that tools declare."""

    egress: Path
    refused: Sequence[str]
    outside: Outside | None = None


@contextlib.contextmanager
def network(allowed: Sequence[str], rights: Sequence[HostRight], folder: Path) -> Iterator[Network]:
    """Open both, with their files in `folder`, until the context ends. Raises SettingsInvalid for no host.

    `allowed` are the user's rules, which also say at which addresses a host of `rights` may be.
    """
    rules = [EgressRule.parse(rule) for rule in allowed]
    with outside(rights, rules, folder / "outside") as opened:
        proxy = EgressProxy(allowed, opened.gateway if opened else None)
        with proxy.open(folder / "egress.sock") as path:
            yield Network(path, proxy.refused, opened)
