"""Makes probes: a few reading requests to hosts that the user allows, so that a plan knows what they really answer."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import httpcore
from pydantic import Field

from agenthands._util.formatting import cut
from agenthands.errors import SettingsInvalid
from agenthands.outside.forwarding import Forwarder, OutsideFaultError
from agenthands.outside.keys import Hider, Key
from agenthands.outside.personal_data import PersonalData
from agenthands.outside.recorder import MOST_BODY_BYTES, Met
from agenthands.outside.recording import cut_json, exchanges_of
from agenthands.sandbox.egress_rules import WEB_PORTS, EgressRule
from agenthands.schemas import Exchange
from agenthands.schemas.effects import ENV_NAME
from agenthands.schemas.part import Part

PROBE_SECONDS, ALL_SECONDS = 20.0, 90.0
MOST_SHOWN = 6000
"""Characters of an answer that are kept: a sample is enough, and all of it is shown to the planner."""
_NAMED = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


class Probe(Part):
    """A reading request; `${NAME}` in a header stands for a key that the user allows for the host."""

    method: Literal["GET", "HEAD"] = "GET"
    url: str = Field(description="Absolute, https")
    headers: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class Probed:
    """A probe by its name, and what came: the exchange, or why there is none."""

    name: str
    probe: Probe
    exchange: Exchange | None = None
    message: str = ""


@dataclass(frozen=True)
class AllowedHost:
    """A host that may be probed, with the names of the keys that may be sent to it."""

    rule: EgressRule
    keys: Sequence[str] = field(default_factory=tuple)

    @classmethod
    def parse(cls, text: str) -> AllowedHost:
        """Read `HOST`, `HOST=ADDRESS[:PORT]`, each with `+KEY` for every key. Raises SettingsInvalid."""
        host, *keys = text.split("+")
        if wrong := [key for key in keys if not re.fullmatch(ENV_NAME, key)]:
            raise SettingsInvalid(
                f"{wrong[0]!r} in {text!r} is no name of a variable with a key.",
                "Write --allow-host api.example.com+EXAMPLE_API_KEY",
            )
        return cls(EgressRule.parse(host), keys)


def make_probes(
    probes: Sequence[Probe], allowed: Sequence[AllowedHost], variables: Mapping[str, str], first: int = 1
) -> list[Probed]:
    """Make the probes one after the other, named `probe-1` and so on, and return what came, in the same order.

    Each may take 20 s, all together 90. Keys are sent and kept nowhere; personal data that is recognised is masked, and
    long answers are cut. What cannot be asked is told in its message.
    """
    names = [key for host in allowed for key in host.keys]
    keys = {name: Key(name, variables[name].strip(), f"${{{name}}}") for name in names if variables.get(name)}
    forwarder = Forwarder([host.rule for host in allowed], PROBE_SECONDS)
    end = time.monotonic() + ALL_SECONDS
    people = PersonalData()
    found = []
    try:
        for number, probe in enumerate(probes, first):
            name = f"probe-{number}"
            try:
                met = _made(probe, allowed, keys, forwarder, min(end, time.monotonic() + PROBE_SECONDS))
                found.append(_kept(name, probe, met, people))
            except OutsideFaultError as error:
                found.append(Probed(name, probe, message=str(error)))
    finally:
        forwarder.close()
    return found


def _made(
    probe: Probe, allowed: Sequence[AllowedHost], keys: Mapping[str, Key], forwarder: Forwarder, until: float
) -> Met:
    """Make one probe. Raises OutsideFaultError."""
    url, host = _url(probe, allowed)
    if time.monotonic() > until:
        raise OutsideFaultError("no_answer", "The time for probes is over.")
    headers = [(name, _filled(value, host, keys)) for name, value in probe.headers.items()]
    hider = Hider([key for key in keys.values() if key.name in host.keys])
    with forwarder.asked(probe.method, url, headers, b"", until) as answer:
        body, cut_off = bytearray(), False
        for piece in hider.pieces(answer.pieces):
            body += piece
            cut_off = len(body) > MOST_BODY_BYTES
            if cut_off:
                break
        told = [(name, hider.text(value)) for name, value in answer.headers]
        return Met(probe.method, probe.url, b"", answer.status, told, bytes(body), cut=cut_off)


def _url(probe: Probe, allowed: Sequence[AllowedHost]) -> tuple[httpcore.URL, AllowedHost]:
    try:
        parts = urlsplit(probe.url)
        port = parts.port
        url = httpcore.URL(probe.url.partition("#")[0])
    except (ValueError, UnicodeError):
        raise OutsideFaultError("not_reached", "This is no URL.") from None
    name = (parts.hostname or "").rstrip(".")
    host = next((each for each in allowed if any(each.rule.fits(name, number) for number in WEB_PORTS)), None)
    if parts.scheme != "https" or port not in (None, 443) or parts.username:
        raise OutsideFaultError("not_reached", "Probes are made over https, to the usual port, without user.")
    if host is None:
        raise OutsideFaultError("not_reached", f"The user does not allow {cut(name, 100)} to be asked.")
    return url, host


def _filled(value: str, host: AllowedHost, keys: Mapping[str, Key]) -> str:
    """Return a header with keys in place of `${NAME}`. Raises OutsideFaultError for one that may not go there."""
    for name in _NAMED.findall(value):
        if name not in host.keys:
            raise OutsideFaultError("key_misplaced", f"The user allows no key {name} for {host.rule.name}.")
        if name not in keys:
            raise OutsideFaultError("key_misplaced", f"The key {name} is not set here.")
    return _NAMED.sub(lambda found: keys[found[1]].value, value)


def _kept(name: str, probe: Probe, met: Met, people: PersonalData) -> Probed:
    (exchanges, why) = exchanges_of([met], people)
    if not exchanges:
        return Probed(name, probe, message=why[0].partition(": ")[2] if why else "It cannot be kept.")
    (exchange,) = exchanges
    told = exchange.response
    if told.json_body is not None:
        told = told.model_copy(update={"json_body": cut_json(told.json_body, MOST_SHOWN)})
    elif told.body:
        told = told.model_copy(update={"body": told.body[:MOST_SHOWN]})
    return Probed(name, probe, exchange.model_copy(update={"response": told}))
