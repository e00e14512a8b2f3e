"""Reads the files of a bundle within bounds: whoever can write to a store can put a bomb in a bundle's place."""

from __future__ import annotations

import io
import re
import tarfile
import zlib
from typing import NamedTuple

MOST_BYTES = 64 * 1024**2  # unpacked; a bundle with the largest locks has about 2 MB
_MOST_FILES = 10_000
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
_GZIP = 16 + zlib.MAX_WBITS


class PackedFile(NamedTuple):
    """A file of a bundle, without the bundle's top folder in its name."""

    content: bytes
    executable: bool


def files_of(bundle: bytes) -> dict[str, PackedFile]:
    """Return the files of a bundle by their names below its one top folder.

    Raises ValueError if it is no .tar.gz, is larger unpacked than any bundle of ours, or holds anything but files and
    folders with plain names below one top folder.
    """
    raw = _unzipped(bundle)
    found: dict[str, PackedFile] = {}
    tops, folders = set(), set()
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
            for number, entry in enumerate(archive):
                if number >= _MOST_FILES:
                    raise ValueError(f"it is no archive of files: it has more than {_MOST_FILES:,}")
                top, parts = _place(entry)
                tops.add(top)
                if entry.isdir():
                    folders.add("/".join(parts))
                    continue
                content = archive.extractfile(entry)
                assert content
                found["/".join(parts)] = PackedFile(content.read(), bool(entry.mode & 0o100))
                folders.update("/".join(parts[:depth]) for depth in range(len(parts)))
    except (tarfile.TarError, OverflowError, EOFError) as error:
        raise ValueError(f"it is no archive of files: {error}") from None
    if len(tops) != 1 or not found or folders & found.keys():
        raise ValueError("it is no archive of files below one folder")
    return found


def _place(entry: tarfile.TarInfo) -> tuple[str, list[str]]:
    """Return the top folder of an entry, and the parts of its name below it. Raises ValueError."""
    top, *parts = entry.name.split("/")
    strange = any(part in ("", ".", "..") or len(part.encode(errors="replace")) > 255 for part in (top, *parts))
    if strange or _FORBIDDEN.search(entry.name) or len(entry.name) > 1000:
        raise ValueError(f"it is no archive of files: {entry.name[:80]!a} is no name")
    plain = entry.isdir() or (entry.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not entry.issparse() and parts)
    if not plain:
        raise ValueError(f"it is no archive of files: {entry.name[:80]!a} is none")
    if entry.size > MOST_BYTES:
        raise ValueError(f"it is no archive of files: {entry.name[:80]!a} is too large")
    return top, parts


def _unzipped(bundle: bytes) -> bytes:
    """Return the content of a gzip file. Raises ValueError where it is none, is torn or too large."""
    unzip = zlib.decompressobj(_GZIP)
    try:
        raw = unzip.decompress(bundle, MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"it is no gzip file: {error}") from None
    if unzip.unconsumed_tail or len(raw) >= MOST_BYTES:
        raise ValueError(f"it is no gzip file of ours: it has more than {MOST_BYTES // 1024**2} MiB unpacked")
    if not unzip.eof:
        raise ValueError("it is no gzip file: it ends too early")
    return raw
