"""Where builds are kept; the docstring of the protocol is its error contract."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Store(Protocol):
    """Where builds are kept. Keys are relative, with `/`. Writes are whole or not at all.

    All methods but `check` go on for a minute where the store is away for a moment.
    """

    url: str

    def check(self) -> None:
        """Write, read and delete a probe. Raises StoreNotUsable or StoreUnavailable, as all methods do."""

    def put(self, key: str, content: bytes | Path) -> str:
        """Write one object from memory or from a file, read it back, and return its SHA-256."""

    def create(self, key: str, content: bytes) -> bool:
        """Write one object where there is none; False where there is one, of whomever. One of many writers wins."""

    def get(self, key: str) -> bytes:
        """Read one object. Raises KeyError where there is none."""

    def keys(self, prefix: str = "") -> list[str]:
        """List all keys below `prefix`, sorted."""
