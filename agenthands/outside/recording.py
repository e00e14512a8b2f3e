"""A file of exchanges with real hosts: what `try` writes and a revision takes over as the world of its tools."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from agenthands._util.atomic_files import write_atomic
from agenthands._util.redaction import redact, redact_json
from agenthands._util.untrusted_json import read_json
from agenthands.errors import RequestInvalid
from agenthands.outside.personal_data import PersonalData
from agenthands.outside.recorder import Met
from agenthands.schemas.part import Part
from agenthands.schemas.world import Exchange, World

_MOST_BYTES = 64 * 1024**2
_KEPT_HEADERS = {
    "content-type", "link", "location", "retry-after", "etag", "last-modified", "x-total-count", "x-total-pages",
    "x-next-page", "x-page", "x-per-page", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
}  # fmt: skip


class Recording(Part):
    """Exchanges that were recorded, with the agent whose test cases led to them. `left_out` says what is not in it."""

    agent: str
    build_id: str
    at: str
    left_out: list[str] = Field(default_factory=list)
    world: World


def exchanges_of(met: Iterable[Met], people: PersonalData) -> tuple[list[Exchange], list[str]]:
    """Return the answered requests as exchanges without keys and personal data, and why others are left out.

    The same request with the same answer is there once; with another answer, each has its turn.
    """
    answers: dict[str, list[Exchange]] = {}
    left_out = []
    for each in met:
        if each.fault:
            left_out.append(f"{each.method} {people.text(redact(each.url))}: {each.message}")
            continue
        exchange = _exchange(each, people)
        if exchange is None:
            left_out.append(f"{each.method} {people.text(redact(each.url))}: the body is too long, or no text")
            continue
        same = answers.setdefault(exchange.request.model_dump_json(), [])
        if exchange.response not in [known.response for known in same]:
            same.append(exchange)
    found = []
    for same in answers.values():
        turns = range(1, len(same) + 1) if len(same) > 1 else [0]
        found += [each.model_copy(update={"turn": turn}) for each, turn in zip(same, turns, strict=True)]
    return found, list(dict.fromkeys(left_out))


def _exchange(met: Met, people: PersonalData) -> Exchange | None:
    asked, told = _body(met.body, people), _body(met.answer, people)
    if asked is None or told is None or met.cut or not 200 <= met.status <= 599:
        return None
    headers = {
        name: people.text(redact(value))
        for name, value in met.headers
        if name.lower() in _KEPT_HEADERS and not (name.lower() == "content-type" and "json" in told)
    }
    values = {
        "request": {"method": met.method, "url": redact(met.url), **asked},
        "response": {"status": met.status, "headers": headers, **told},
        "origin": "recorded",
        "at": met.at,
    }
    try:
        return Exchange.model_validate(values)
    except ValidationError:
        return None


def _body(content: bytes, people: PersonalData) -> dict[str, Any] | None:
    """Return a body as the fields of a message, None if it is no text."""
    if not content:
        return {}
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    try:
        value = people.json(redact_json(read_json(text)))
    except ValueError:
        return {"body": people.text(redact(text))}
    return {"body": text} if value is None else {"json": value}


def write_recording(recording: Recording, file: Path) -> None:
    """Write the file, whole or not at all. Raises RequestInvalid where it cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, recording.model_dump_json(indent=1) + "\n")
    except OSError as error:
        raise RequestInvalid(f"{file} cannot be written: {error.strerror}.", "Name another file.") from None


def read_recording(file: Path) -> Recording:
    """Return what `write_recording` wrote. Raises RequestInvalid for anything else."""
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise RequestInvalid(f"{file} has more than {_MOST_BYTES:,} bytes.", "Take fewer exchanges.")
        return Recording.model_validate(read_json(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise RequestInvalid(f"{file} cannot be read: {error.strerror}.", "Name the file that `try` wrote.") from None
    except (ValueError, RecursionError) as error:
        said = str(error).splitlines()[0][:200]
        raise RequestInvalid(f"{file} is no recording: {said}", "Name the file that `try` wrote.") from None


def cut_json(value: Any, room: int) -> Any:
    """Return a JSON value that has at most about `room` characters: long lists and texts lose their ends."""
    for most_items, most_text in ((50, 2000), (10, 500), (3, 200), (2, 60), (1, 30)):
        cut = _cut(value, most_items, most_text)
        if len(json.dumps(cut, ensure_ascii=False)) <= room:
            return cut
    return _cut(value, 1, 30, most_fields=40)


def _cut(value: Any, items: int, text: int, most_fields: int = 10_000) -> Any:
    if isinstance(value, dict):
        return {key: _cut(each, items, text, most_fields) for key, each in [*value.items()][:most_fields]}
    if isinstance(value, list):
        return [_cut(each, items, text, most_fields) for each in value[:items]]
    return value[:text] if isinstance(value, str) else value


def hosts_in(exchanges: Sequence[Exchange]) -> list[str]:
    """Return the hosts of exchanges, each once, in order."""
    from urllib.parse import urlsplit

    return list(dict.fromkeys(urlsplit(each.request.url).hostname or "" for each in exchanges))
