"""Reads from the README in an agent's package how the agent is run."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Sequence

README = "README.md"
HEADINGS = ("Install it", "Ask it", "Serve it")
_SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def readme_of(bundle: bytes) -> str:
    """Return the README of a bundle; empty if there is none."""
    try:
        with tarfile.open(fileobj=io.BytesIO(bundle), mode="r:gz") as archive:
            for entry in archive:
                if entry.isfile() and re.fullmatch(r"[^/]+/README\.md", entry.name):
                    file = archive.extractfile(entry)
                    return file.read().decode(errors="replace") if file else ""
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error):
        return ""
    return ""


def commands_of(readme: str) -> Sequence[tuple[str, str]]:
    """Return pairs of a heading in HEADINGS and the first block of shell commands below it."""
    parts = re.split(r"^## (.+)$", readme, flags=re.MULTILINE)
    texts = dict(zip(parts[1::2], parts[2::2], strict=True))
    found = [(title, _SHELL_BLOCK.search(texts.get(title, ""))) for title in HEADINGS]
    return [(title, block[1].strip()) for title, block in found if block]
