"""Reads from the README in an agent's package how the agent is run."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agenthands.packaging.archive import files_of

README = "README.md"
HEADINGS = ("Install it", "Ask it", "Serve it")
_LONGEST = 1_000_000
_BLOCK_BEGINS = re.compile(r"^```sh\n", re.MULTILINE)
_BLOCK_ENDS = re.compile(r"^```$", re.MULTILINE)


def readme_of(bundle: bytes) -> str:
    """Return the README of a bundle; empty if there is none."""
    try:
        file = files_of(bundle).get(README)
    except ValueError:
        return ""
    return file.content[:_LONGEST].decode(errors="replace") if file else ""


def commands_of(readme: str) -> Sequence[tuple[str, str]]:
    """Return pairs of a heading in HEADINGS and the first block of shell commands below it."""
    parts = re.split(r"^## (.+)$", readme, flags=re.MULTILINE)
    texts = dict(zip(parts[1::2], parts[2::2], strict=True))
    found = [(title, _first_block(texts.get(title, ""))) for title in HEADINGS]
    return [(title, block) for title, block in found if block]


def _first_block(text: str) -> str:
    begin = _BLOCK_BEGINS.search(text)
    end = _BLOCK_ENDS.search(text, begin.end()) if begin else None
    return text[begin.end() : end.start()].strip() if begin and end else ""
