"""Reads a catalogue of MCP servers from a URL: a JSON list of `server.json` entries, or a registry's answer."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agenthands._util.atomic_files import write_atomic
from agenthands.errors import RegistryUnavailable, SettingsInvalid
from agenthands.mcp.registry_entry import EXTENSION
from agenthands.schemas.part import SLUG

MAX_BYTES = 8 * 1024**2
SECONDS = 20.0
FRESH_SECONDS = 600.0
_PAGES = 50
_HINT = "Look at AGENTHANDS_CATALOGUE: a folder, or the https URL of a JSON list of server.json entries."


def read_catalogue_url(url: str, home: Path) -> dict[str, object]:
    """Return the entries at `url` by id: all pages, at most 8 MiB in 20 s; entries without our extension are skipped.

    They are cached below `home` for ten minutes, and for longer while the URL does not answer. Raises SettingsInvalid
    (not https, no such page, not a catalogue) or RegistryUnavailable (no answer, and nothing cached).
    """
    kept = home / "catalogues" / f"{hashlib.sha256(url.encode()).hexdigest()[:20]}.json"
    if kept.is_file() and time.time() - kept.stat().st_mtime < FRESH_SECONDS:
        return _by_id(url, json.loads(kept.read_bytes()))
    try:
        entries = list(_entries(url))
    except RegistryUnavailable:
        if kept.is_file():
            return _by_id(url, json.loads(kept.read_bytes()))
        raise
    found = _by_id(url, entries)
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(kept, json.dumps(entries))
    return found


def _by_id(url: str, entries: list[Any]) -> dict[str, object]:
    found = {}
    for entry in entries:
        own = (entry.get("_meta") or {}).get(EXTENSION) if isinstance(entry, dict) else None
        if not isinstance(own, dict):
            continue
        name = str(own.get("id") or str(entry.get("name", "")).rpartition("/")[2])
        if not re.fullmatch(SLUG, name):
            raise SettingsInvalid(f"{url}: the entry {name[:80]!r} has no usable id.", _HINT)
        found[name] = entry
    if not found:
        raise SettingsInvalid(f"{url}: no entry says in _meta.{EXTENSION} which tools its server has.", _HINT)
    return found


def _entries(url: str) -> Iterator[object]:
    """Yield all entries: those of a list, or those of a registry's pages."""
    left, deadline, cursor = MAX_BYTES, time.monotonic() + SECONDS, ""
    for _ in range(_PAGES):
        body = _page(url, cursor, left, deadline)
        left -= len(body)
        try:
            page = json.loads(body)
        except (ValueError, RecursionError):
            raise SettingsInvalid(f"{url}: the answer is not JSON.", _HINT) from None
        if isinstance(page, list):
            yield from page
            return
        if not isinstance(page, dict) or not isinstance(page.get("servers"), list):
            raise SettingsInvalid(f"{url}: the answer is no list of servers.", _HINT)
        for item in page["servers"]:
            yield item["server"] if isinstance(item, dict) and isinstance(item.get("server"), dict) else item
        cursor = str((page.get("metadata") or {}).get("nextCursor") or "")
        if not cursor:
            return
    raise SettingsInvalid(f"{url}: more than {_PAGES} pages.", _HINT)


def _page(url: str, cursor: str, left: int, deadline: float) -> bytes:
    import httpx

    body = bytearray()
    try:
        target = httpx.URL(url)
        target = target.copy_merge_params({"cursor": cursor}) if cursor else target
        with (
            httpx.Client(timeout=10, max_redirects=3, event_hooks={"request": [_only_https]}) as client,
            client.stream("GET", target, follow_redirects=True) as response,
        ):
            if response.status_code >= 500 or response.status_code == 429:
                raise RegistryUnavailable(f"{url} answers with status {response.status_code}.")
            if response.status_code != 200:
                raise SettingsInvalid(f"{url} answers with status {response.status_code}.", _HINT)
            for part in response.iter_bytes():
                body += part
                if len(body) > left:
                    raise SettingsInvalid(f"{url}: the catalogue has more than {MAX_BYTES:,} bytes.", _HINT)
                if time.monotonic() > deadline:
                    raise RegistryUnavailable(f"{url} did not finish within {SECONDS:.0f} s.")
    except httpx.TooManyRedirects:
        raise SettingsInvalid(f"{url}: too many redirections.", _HINT) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RegistryUnavailable(f"{url} does not answer: {error}", "Check the network and proxies.") from error
    return bytes(body)


def _only_https(request: Any) -> None:
    """Raise SettingsInvalid for plain HTTP, unless to this machine: anybody on the way could insert a server."""
    if request.url.scheme != "https" and request.url.host not in ("127.0.0.1", "localhost", "::1"):
        raise SettingsInvalid(f"{request.url}: a catalogue is read over https only.", _HINT)
