"""The store port; the docstring of the protocol is its error contract."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

MOST_BYTES = 1024**3
"""How large an object may be that is read; the largest that a build writes, a trajectory, has some MB."""


class Store(Protocol):
    """Keeps builds and cached results by key. Keys are relative, with `/`. Writes are atomic.

    All methods but `check` retry for a minute if the store is temporarily unavailable.
    """

    url: str

    def check(self) -> None:
        """Write, read and delete a probe. Raises StoreNotUsable or StoreUnavailable, as all methods do."""

    def put(self, key: str, content: bytes | Path) -> str:
        """Write one object from memory or from a file, read it back, and return its SHA-256."""

    def create(self, key: str, content: bytes) -> bool:
        """Write one object if there is none, and return whether this call did. One of several writers wins."""

    def get(self, key: str, most: int = MOST_BYTES) -> bytes:
        """Return the content of one object. Raises KeyError if there is none, StoreNotUsable if it is larger."""

    def remove(self, key: str) -> None:
        """Remove one object; nothing happens where there is none."""

    def keys(self, prefix: str = "") -> list[str]:
        """Return all keys below `prefix`, sorted."""
