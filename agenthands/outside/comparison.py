"""Compares what a real host answered with what the worlds of the tools record: where was a world wrong?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field

from agenthands._util.redaction import redact
from agenthands._util.untrusted_json import read_json
from agenthands.outside.forwarding import OutsideCode
from agenthands.outside.personal_data import PersonalData
from agenthands.outside.recorder import Met
from agenthands.outside.shapes import differences, shape_of
from agenthands.schemas import Exchange, ToolSpec
from agenthands.schemas.part import Part
from agenthands.world.matching import Asked, asked_of, fits

FindingCode = Literal["status", "missing_field", "new_field", "type", "not_json", "redirected_elsewhere", "unreadable"]
Outcome = Literal["as_recorded", "differs", "not_recorded", "failing_now", "refused", "no_answer"]
_MOST_FINDINGS = 50
_BUSY = 429


class Finding(Part):
    """One way in which a recorded answer is not what the host answers. `wrong`: a tool may fail because of it."""

    code: FindingCode
    place: str = Field("", description="Where in the JSON, such as $.days[].wind")
    recorded: str
    real: str
    wrong: bool


class RealRequest(Part):
    """A request that was made, and what comes of comparing its answer."""

    method: str
    url: str
    status: int = Field(description="0 where there was no answer")
    outcome: Outcome
    fault: OutsideCode | None = None
    message: str = Field("", description="Why there was no answer")
    world: str = Field("", description="The recorded world with which it was compared")
    similar: str = Field("", description="The recorded URL, where it is not the same one")
    findings: list[Finding] = Field(default_factory=list)


def compare(met: Met, tools: Sequence[ToolSpec], world: str, people: PersonalData) -> RealRequest:
    """Return what one request says of the worlds; `world` is the one in which its test case happens."""
    url = people.text(redact(met.url))
    if met.fault:
        inside = met.fault in ("method_undeclared", "write_not_allowed", "key_misplaced", "address_inside")
        return RealRequest(
            method=met.method, url=url, status=0, outcome="refused" if inside else "no_answer", fault=met.fault,
            message=redact(met.message),
        )  # fmt: skip
    found = _recorded(met, tools, world)
    if met.status == _BUSY or met.status >= 500:
        return RealRequest(method=met.method, url=url, status=met.status, outcome="failing_now")
    if found is None:
        findings = list(_redirected(met))
        return RealRequest(method=met.method, url=url, status=met.status, outcome="not_recorded", findings=findings)
    name, exchange, same = found
    findings = [*_redirected(met), *islice(_findings(exchange, met, same), _MOST_FINDINGS)]
    return RealRequest(
        method=met.method, url=url, status=met.status, world=name, findings=findings,
        outcome="differs" if any(each.wrong for each in findings) else "as_recorded",
        similar="" if same else exchange.request.url,
    )  # fmt: skip


def _recorded(met: Met, tools: Sequence[ToolSpec], world: str) -> tuple[str, Exchange, bool] | None:
    """Return the recorded exchange for a request: the same one, else one with another query or another id in its path.

    What a world records as failing (a time-out, 429, 5xx) is left out: the host not failing now proves nothing.
    """
    made = _made(met)
    known = [
        (name, exchange, replace(asked_of(exchange.request), headers={}))
        for tool in tools
        for name, each in sorted(tool.worlds.items(), key=lambda pair: pair[0] != world)
        for exchange in each.http
        if not (exchange.response.fault or exchange.response.status == _BUSY or exchange.response.status >= 500)
    ]
    for name, exchange, asked in known:
        if fits(asked, made):
            return name, exchange, True
    alike = [
        (_likeness(asked, made), name, exchange) for name, exchange, asked in known if exchange.response.status < 400
    ]
    best = max(alike, key=lambda each: each[0], default=None)
    return (best[1], best[2], False) if best and best[0] > 0 and met.status < 400 else None


def _made(met: Met) -> Asked:
    parts = urlsplit(met.url)
    query = tuple(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    place = (parts.scheme, parts.hostname or "", unquote(parts.path) or "/")
    return Asked(met.method, place, query, {}, met.body)


def _likeness(recorded: Asked, made: Asked) -> float:
    """Return how like two requests are: 0 if their answers need not have the same shape."""
    if recorded.method != made.method or recorded.place[:2] != made.place[:2]:
        return 0
    one, other = (each.place[2].strip("/").split("/") for each in (recorded, made))
    shared = sum(mine == theirs for mine, theirs in zip(one, other, strict=False))
    if len(one) != len(other) or len(one) - shared > 1 or (shared == 0 and one != other):
        return 0
    names = {key for key, _ in recorded.query} == {key for key, _ in made.query}
    return 1 + 10 * (one == other) + names


def _redirected(met: Met) -> Iterator[Finding]:
    if met.elsewhere:
        yield Finding(
            code="redirected_elsewhere", recorded="no redirect", real=f"to {met.elsewhere}, which no tool declares",
            wrong=True,
        )  # fmt: skip


def _findings(exchange: Exchange, met: Met, same: bool) -> Iterator[Finding]:
    recorded = exchange.response
    if same and recorded.status != met.status:
        yield Finding(code="status", recorded=str(recorded.status), real=str(met.status), wrong=True)
    if recorded.status // 100 != met.status // 100 or recorded.json_body is None:
        return  # the body of an error says nothing of the body of a result
    real = _json(met.answer)
    if real is _NO_JSON:
        if not met.cut:
            kind = next((value for name, value in met.headers if name.lower() == "content-type"), "another body")
            yield Finding(code="not_json", recorded="JSON", real=kind[:100], wrong=True)
        return
    for each in differences(shape_of([recorded.json_body]), shape_of([real])):
        yield Finding(code=each.code, place=each.place[:300], recorded=each.recorded, real=each.real, wrong=each.breaks)


_NO_JSON = object()


def _json(content: bytes) -> Any:
    try:
        return read_json(content)
    except ValueError:
        return _NO_JSON
