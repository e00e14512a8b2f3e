"""The bundle: an agent's package as one .tar.gz. The same files give the same bytes."""

from __future__ import annotations

import gzip
import io
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path


def pack(files: Mapping[str, bytes], top: str) -> bytes:
    """Give a .tar.gz of the files below the folder `top`; no dates, no owners, sorted; scripts are executable."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for relative, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{top}/{relative}")
            entry.size = len(content)
            entry.mode = 0o755 if relative.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), compresslevel=6, mtime=0)


def unpack(bundle: bytes, folder: Path) -> None:
    """Unpack a bundle's files into `folder`, which must be new or empty; whole or not at all.

    Raises OSError for the folder, ValueError for a bundle that is none.
    """
    try:
        raw = gzip.decompress(bundle)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"it is no gzip file: {error}") from None
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        try:
            with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
                archive.extractall(scratch, filter="data")
        except tarfile.TarError as error:
            raise ValueError(f"it is no archive of files: {error}") from None
        (top,) = Path(scratch).iterdir()
        top.replace(folder)
