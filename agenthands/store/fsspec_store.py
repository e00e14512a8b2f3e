"""The Store port on fsspec: a local folder, S3 through s3fs, or memory for tests."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from agenthands.errors import AgentHandsError, StoreNotUsable
from agenthands.store.backends import (
    FolderPlace,
    ObjectPlace,
    Place,
    fsspec,
    is_temporary,
    sha256_of,
    temporary_name,
)
from agenthands.store.base import MOST_BYTES
from agenthands.store.error_mapping import signs, translation

PATIENCE_SECONDS = 60.0
_LONGEST_PAUSE = 8.0
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")
_USER_PART = re.compile(r"//[^/]*@")


class FsspecStore:
    """Keeps objects below one URL."""

    def __init__(self, url: str, patience: float = PATIENCE_SECONDS) -> None:
        """Take a folder or an fsspec URL, which is opened on first use. Raises StoreNotUsable for an unknown protocol.

        Failures that may be temporary are retried for `patience` seconds.
        """
        self._patience = patience
        protocol, mark, rest = url.partition("://")
        local = not mark or protocol in ("file", "local")
        if not url.strip():
            raise StoreNotUsable("The store has an empty address.", "Give --store a folder or an s3:// URL.")
        self._place: Place
        if local:
            self.url = self._shown = str(Path(rest if mark else url).expanduser().absolute())
            self._place = FolderPlace(Path(self.url))
        else:
            self.url = f"{protocol}://{rest.rstrip('/')}"
            self._shown = _USER_PART.sub("//", self.url)
            self._place = ObjectPlace(self.url, _known(protocol, self._shown))

    def check(self) -> None:
        """Write, read and delete a probe. Raises StoreNotUsable or StoreUnavailable."""
        probe, content = temporary_name(), uuid.uuid4().bytes
        with self._translated():
            try:
                self._place.write(probe, content, sha256_of(content))
            except BaseException:
                with suppress(Exception):
                    self._place.remove(probe)
                raise
            self._place.remove(probe)

    def put(self, key: str, content: bytes | Path) -> str:
        """Write one object atomically, read it back, and return its SHA-256.

        Raises StoreNotUsable, StoreUnavailable, ValueError (bad key), or OSError (`content` cannot be read).
        """
        _check_key(key)
        digest = sha256_of(content)
        self._whatever_happens(lambda: self._place.write(key, content, digest))
        return digest

    def create(self, key: str, content: bytes) -> bool:
        """Write one object if there is none, and return whether this call did. Raises as `put` does.

        After a retry, an existing object with the same content counts as ours, because the response may have been lost.
        """
        _check_key(key)
        attempts = self._patiently()
        for attempt in attempts:
            with attempt, self._translated():
                try:
                    self._place.create(key, content)
                except FileExistsError:
                    return attempt.retry_state.attempt_number > 1 and self.get(key) == content
        return True

    def get(self, key: str, most: int = MOST_BYTES) -> bytes:
        """Return the content of one object. Raises KeyError if there is none, and as `put` does."""
        _check_key(key)
        return self._whatever_happens(lambda: self._place.read(key, most), missing=key)

    def remove(self, key: str) -> None:
        """Remove one object; nothing happens where there is none. Raises as `put` does."""
        _check_key(key)
        with suppress(KeyError):
            self._whatever_happens(lambda: self._place.remove(key), missing=key)

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys below the folder `prefix`, sorted; an empty prefix means all. Raises as `put` does."""
        folder = prefix.rstrip("/")
        if prefix:
            _check_key(folder)
        names = self._whatever_happens(lambda: self._place.names(folder))
        below = f"{folder}/" if folder else ""
        # Some tools leave empty objects named like folders in a bucket.
        found = (key for key in names if key.startswith(below) and not key.endswith("/"))
        return sorted(key for key in found if not is_temporary(key))

    def _whatever_happens[T](self, use: Callable[[], T], missing: str | None = None) -> T:
        for attempt in self._patiently():
            with attempt, self._translated(missing):
                return use()
        raise AssertionError("tenacity raises the last error")

    def _patiently(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, AgentHandsError) and error.retryable),
            wait=wait_exponential(multiplier=0.5, max=_LONGEST_PAUSE),
            stop=stop_after_delay(self._patience),
            reraise=True,
        )

    @contextmanager
    def _translated(self, missing: str | None = None) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            absent = isinstance(error, FileNotFoundError) and "NoSuchBucket" not in signs(error)
            if missing is not None and absent:
                raise KeyError(missing) from error
            told = translation(error, self._shown)
            if told is None:
                raise
            raise told from error


def _known(protocol: str, shown: str) -> str:
    """Return the canonical name of a protocol, without importing its library. Raises StoreNotUsable."""
    if protocol not in fsspec().available_protocols():
        raise StoreNotUsable(
            f"The store {shown} cannot be used: {protocol}:// is no kind of store that fsspec knows.",
            "Use a folder or an s3://BUCKET/PREFIX URL.",
        )
    return "s3" if protocol == "s3a" else protocol


def _check_key(key: str) -> None:
    escapes = any(part in ("", ".", "..") for part in key.split("/"))
    if escapes or _FORBIDDEN.search(key) or is_temporary(key):
        raise ValueError(f"{key!r} is no key of a store: relative, parts joined by /, without .., . or \\.")
