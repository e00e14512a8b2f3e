"""Writes files atomically for other processes and threads."""

from __future__ import annotations

import uuid
from pathlib import Path


def write_atomic(path: Path, text: str) -> None:
    """Write a file so that no reader sees part of it; the last of several writers wins. Raises OSError."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
