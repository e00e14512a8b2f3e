"""What an agent's tools may do outside, as their specifications declare it: hosts, methods, keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from agenthands.outside.keys import Key
from agenthands.schemas import ToolSpec

READING = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class HostRight:
    """A host, the methods that may be used there, those that are declared but not allowed now, and its keys."""

    host: str
    methods: Sequence[str]
    withheld: Sequence[str] = ()
    keys: Sequence[Key] = ()

    @property
    def said(self) -> str:
        """The right in words."""
        keys = f" with {', '.join(key.name for key in self.keys)}" if self.keys else ""
        return f"{self.host}: {', '.join(self.methods) or 'nothing'}{keys}"


def rights_of(
    tools: Iterable[ToolSpec], keys: Sequence[Key], reachable: Callable[[str], bool], writes: bool = True
) -> list[HostRight]:
    """Return the rights of these tools together, on those of their hosts that are reachable, in the order of hosts.

    A key is for the hosts of the tools that declare it. Without `writes`, methods that change something are withheld.
    """
    found: dict[str, HostRight] = {}
    for tool in tools:
        own = [key for key in keys if key.name in tool.effects.secrets]
        for effect in tool.effects.http:
            if not reachable(effect.host):
                continue
            before = found.get(effect.host, HostRight(effect.host, ()))
            declared = dict.fromkeys([*before.methods, *before.withheld, *effect.methods])
            found[effect.host] = replace(
                before,
                methods=[each for each in declared if writes or each in READING],
                withheld=[each for each in declared if not writes and each not in READING],
                keys=list({key.name: key for key in (*before.keys, *own)}.values()),
            )
    return sorted(found.values(), key=lambda right: right.host)
