"""Reads the description of an API from a file or a URL, in bounded time and memory, and parses it elsewhere."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

from agenthands._util.killable import UnfinishedError, killable
from agenthands._util.redaction import has_password
from agenthands.errors import RequestInvalid

MAX_BYTES = 16 * 1024**2
SECONDS = 30.0
PARSE_SECONDS = 60.0
MOST_NODES = 3_000_000
"""Values in a description, those that its aliases repeat counted each time."""
_HINT = "Give --openapi the file or the URL of an OpenAPI 3 or Swagger 2 description, in JSON or YAML."


class Source(NamedTuple):
    """A description as it was read: where from, its text, and the server that the user named for it."""

    name: str
    text: str
    server: str = ""

    @property
    def sha256(self) -> str:
        """What tells this text from others."""
        return hashlib.sha256(f"{self.name}\0{self.server}\0{self.text}".encode()).hexdigest()


def read_source(wanted: str) -> Source:
    """Return the text at FILE or URL; what follows `#` is the URL of the server that answers.

    Raises RequestInvalid where there is nothing, too much, or no text.
    """
    place, _, server = wanted.partition("#")
    if has_password(place) or has_password(server):
        raise RequestInvalid(
            "The URL of --openapi carries a password.", "Save the description as a file, and name that."
        )
    content = _fetched(place) if place.startswith(("http://", "https://")) else _file(place)
    try:
        return Source(place, content.decode("utf-8-sig"), server)
    except UnicodeDecodeError:
        raise RequestInvalid(f"{place} is not text in UTF-8.", _HINT) from None


def _file(place: str) -> bytes:
    try:
        path = Path(place).expanduser()
        if not path.is_file():
            raise RequestInvalid(f"There is no file {place}.", _HINT)
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RequestInvalid(f"{place} cannot be read: {error.strerror}.", _HINT) from None
    if len(content) > MAX_BYTES:
        raise RequestInvalid(f"{place} has more than {MAX_BYTES:,} bytes.", "Keep the paths that the agent needs.")
    return content


def _fetched(url: str) -> bytes:
    import httpx

    body, deadline = bytearray(), time.monotonic() + SECONDS
    try:
        with (
            httpx.Client(timeout=10, max_redirects=5, follow_redirects=True) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != 200:
                raise RequestInvalid(f"{url} answers with status {answer.status_code}.", _HINT)
            for part in answer.iter_bytes():
                body += part
                if len(body) > MAX_BYTES:
                    raise RequestInvalid(f"{url} sends more than {MAX_BYTES:,} bytes.", "Save the part that you need.")
                if time.monotonic() > deadline:
                    raise RequestInvalid(f"{url} did not end within {SECONDS:.0f} s.", "Save it as a file.")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RequestInvalid(f"{url} does not answer: {error or type(error).__name__}.", _HINT) from None
    return bytes(body)


def parse_source(source: Source) -> dict[str, Any]:
    """Return the document that a source holds. Raises RequestInvalid where it is no description of an API."""
    try:
        document = killable("agenthands.openapi.reading:parsed", source.text, cpu_seconds=PARSE_SECONDS)
    except UnfinishedError as error:
        raise RequestInvalid(f"{source.name} cannot be read: {error}.", _HINT) from None
    except RuntimeError as error:
        raise RequestInvalid(f"{source.name} {error}", _HINT) from None
    return dict(document)


def parsed(text: str) -> dict[str, Any]:
    """Return the document, JSON or YAML. Raises ValueError, which continues a sentence. Called through `killable`."""
    beginning = text.lstrip()[:200].lower()
    if beginning.startswith(("<!doctype", "<html", "<?xml", "<")):
        raise ValueError("is a page or XML, not a description of an API.")
    document = _json(text) if beginning.startswith("{") else _yaml(text)
    if not isinstance(document, dict):
        raise ValueError("holds no description of an API: it is no mapping.")
    version = str(document.get("openapi") or document.get("swagger") or "")
    if not version.startswith(("3.", "2.")) and version != "2":
        raise ValueError(
            f"says neither `openapi: 3...` nor `swagger: '2.0'`{f', but {version[:20]!r}' * bool(version)}."
        )
    if not isinstance(document.get("paths"), dict) or not document["paths"]:
        raise ValueError("describes no operations: there are no `paths`.")
    return document


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("is nested too deeply.") from None
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError):
            raise ValueError(f"is not JSON: {error.msg} in line {error.lineno}.") from None
        raise ValueError("is not JSON.") from None


def _yaml(text: str) -> Any:
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """YAML as OpenAPI means it: dates and `on` are texts."""

    plain = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:value"}
    Loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] not in plain]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    import re

    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
    )
    try:
        document = yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"is neither JSON nor YAML: {' '.join(str(error).split())[:300]}.") from None
    except (RecursionError, ValueError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise ValueError(f"cannot be read: {said}.") from None
    try:
        _count(document, {}, set())
        return _as_json(document)
    except RecursionError:
        raise ValueError("is nested too deeply.") from None


def _count(value: Any, known: dict[int, int], above: set[int]) -> int:
    """Return how many values there are, what aliases repeat counted each time. Raises ValueError for too many."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) in known:
        return known[id(value)]
    if id(value) in above:
        raise ValueError("holds an anchor that contains itself.")
    above.add(id(value))
    found = 1 + sum(_count(each, known, above) for each in (value.values() if isinstance(value, dict) else value))
    above.discard(id(value))
    if found > MOST_NODES:
        raise ValueError(f"holds more than {MOST_NODES:,} values when its aliases are written out.")
    known[id(value)] = found
    return found


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _key(key: Any) -> str:
    return {True: "true", False: "false"}.get(key, str(key)) if isinstance(key, bool) else str(key)
