"""What all parts of a plan share: their base class, the patterns of names, and how long a list may be."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

SLUG = r"^[a-z][a-z0-9-]{1,48}$"
TOOL_NAME = r"^[a-z][a-z0-9_]{1,48}$"
CALLABLE = r"[A-Za-z0-9_-]{1,64}"
"""Names of functions that every provider takes: platform.openai.com/docs/api-reference/chat/create"""


def refuse_longer(what: str, entries: Sequence[object], most: int) -> None:
    """Raise ValueError if a list of a plan is longer than anybody plans."""
    if len(entries) > most:
        raise ValueError(f"{what} has {len(entries):,} entries; at most {most:,} are read")


class Part(BaseModel):
    """Base of all plan parts: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
