"""Which recorded answer belongs to a request: by method, URL, query in any order, and body, JSON compared as JSON."""

from __future__ import annotations

import difflib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from agenthands._util.json_values import same_json
from agenthands.schemas import Exchange, Request, Response, World

_SHOWN = 300
_PORTS = {"http": 80, "https": 443}
Place = tuple[str, str, str]
"""Scheme, host and path of a request."""


@dataclass(frozen=True)
class Asked:
    """A request as it came; `query` holds its pairs sorted, the names of `headers` are in lower case."""

    method: str
    place: Place
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def url(self) -> str:
        """The URL, with its query sorted."""
        scheme, host, path = self.place
        return f"{scheme}://{host}{path}" + (
            f"?{'&'.join(f'{key}={value}' for key, value in self.query)}" * bool(self.query)
        )

    def as_json(self) -> dict[str, Any]:
        """Return what is written down of it."""
        pairs = [list(pair) for pair in self.query]
        told = {"method": self.method, "url": self.url, "place": list(self.place), "query": pairs}
        return {**told, "headers": dict(self.headers), "body": _text(self.body)}


def asked_of(request: Request) -> Asked:
    """Return a recorded request as it would come. Raises ValueError for a URL that no client can ask."""
    parts = urlsplit(request.url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("the URL is not absolute, http or https")
    if parts.port not in (None, _PORTS[parts.scheme]) or parts.username or parts.password:
        raise ValueError("the URL has a port, a user or a password")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    pairs += [
        (key, each) for key, value in request.query.items() for each in ([value] if isinstance(value, str) else value)
    ]
    body = (request.body or "").encode() if request.json_body is None else json.dumps(request.json_body).encode()
    place = (parts.scheme, parts.hostname, unquote(parts.path) or "/")
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Asked(request.method, place, tuple(sorted(pairs)), headers, body)


def fits(wanted: Asked, made: Asked) -> bool:
    """Return whether a request is the one that was recorded; headers count that were recorded."""
    return (
        wanted.method == made.method
        and wanted.place == made.place
        and wanted.query == made.query
        and all(made.headers.get(name) == value for name, value in wanted.headers.items())
        and same_body(wanted.body, made.body)
    )


def _key(asked: Asked) -> tuple[Any, ...]:
    """Return what two requests must have in common, so that a thousand are not looked at for each one."""
    return asked.method, asked.place, asked.query


def _is_same(one: Asked, other: Asked) -> bool:
    return one.headers == other.headers and fits(one, other) and fits(other, one)


def same_body(one: bytes, other: bytes) -> bool:
    """Return whether two bodies are the same, as JSON if both are, or as pairs of a form."""
    if one == other:
        return True
    try:
        return same_json(json.loads(one), json.loads(other))
    except (ValueError, RecursionError):
        pass
    pairs = [sorted(parse_qsl(body.decode(errors="replace"), keep_blank_values=True)) for body in (one, other)]
    return bool(pairs[0]) and pairs[0] == pairs[1]


class Recorded:
    """The exchanges of a world, and how often each request was made since `begin`. Not for several threads at once."""

    def __init__(self, world: World) -> None:
        """Sort the exchanges. Raises ValueError for a URL that no client can ask."""
        self._all: list[tuple[Asked, list[Response]]] = []
        self._alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        self._turns: dict[tuple[int, int], int] = defaultdict(int)
        for exchange in sorted(world.http, key=lambda each: each.turn):
            self._add(asked_of(exchange.request), exchange)

    def _add(self, asked: Asked, exchange: Exchange) -> None:
        numbers = self._alike[_key(asked)]
        number = next((each for each in numbers if _is_same(self._all[each][0], asked)), len(self._all))
        if number == len(self._all):
            self._all.append((asked, []))
            numbers.append(number)
        self._all[number][1].append(exchange.response)
        self._turns[number, exchange.turn] += 1

    def contradictions(self) -> list[str]:
        """Return the requests that have several answers which are not told apart by their turn."""
        twice = dict.fromkeys(number for (number, _), times in self._turns.items() if times > 1)
        return [f"{self._all[number][0].method} {self._all[number][0].url}" for number in twice]

    def find(self, made: Asked) -> int:
        """Return the number of the recorded request that fits, the one with most headers; -1 if there is none."""
        found = [number for number in self._alike.get(_key(made), ()) if fits(self._all[number][0], made)]
        return max(found, key=lambda number: len(self._all[number][0].headers), default=-1)

    def answer(self, number: int, times: int) -> Response:
        """Return the answer to a request that was made `times` times before."""
        answers = self._all[number][1]
        return answers[min(times, len(answers) - 1)]

    def nearest(self, made: Asked) -> str:
        """Say what the recorded request nearest to this one is, and in what it differs; empty if there is none."""
        if not self._all:
            return ""
        wanted = max((asked for asked, _ in self._all), key=lambda asked: _nearness(asked, made))
        said = list(_differences(wanted, made))
        return f"The nearest recorded request is {wanted.method} {_cut(wanted.url)}: {'; '.join(said)}."


def _nearness(wanted: Asked, made: Asked) -> tuple[float, ...]:
    paths = difflib.SequenceMatcher(None, wanted.place[2], made.place[2]).ratio() if wanted.place != made.place else 1.0
    shared = len(set(wanted.query) & set(made.query)) - abs(len(wanted.query) - len(made.query)) / 100
    return (
        wanted.place[1] == made.place[1],
        paths,
        wanted.method == made.method,
        shared,
        same_body(wanted.body, made.body),
    )


def _differences(wanted: Asked, made: Asked) -> Sequence[str]:
    said = []
    if wanted.method != made.method:
        said.append(f"its method is {wanted.method}, not {made.method}")
    if wanted.place != made.place:
        said.append(f"its URL is {'://'.join(wanted.place[:2])}{_cut(wanted.place[2])}")
    missing = [f"{key}={value}" for key, value in wanted.query if (key, value) not in made.query]
    extra = [f"{key}={value}" for key, value in made.query if (key, value) not in wanted.query]
    said += [f"its query has also {_cut('&'.join(missing))}"] if missing else []
    said += [f"its query has no {_cut('&'.join(extra))}"] if extra else []
    if len(wanted.query) != len(made.query) and not missing and not extra:
        said.append("its query repeats other pairs")
    for name, value in wanted.headers.items():
        if made.headers.get(name) != value:
            said.append(f"it has the header {name}: {_cut(value)}")
    if not same_body(wanted.body, made.body):
        said.append(f"its body is {_cut(_text(wanted.body)) or 'empty'}, not {_cut(_text(made.body)) or 'empty'}")
    return said


def _text(body: bytes) -> str:
    return body.decode(errors="replace")


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
