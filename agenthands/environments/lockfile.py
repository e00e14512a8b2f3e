"""The text of a lock: an entry for each package, with its version, its hashes and perhaps a marker."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement

_ENTRY = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==\S+[^\n]*\n(?:[ \t]+[^\n]*\n)*", re.MULTILINE)
_END_OF_REQUIREMENT = re.compile(r"\s+(?:\\|#|--)|$")
_HASH = re.compile(r"--hash=(\S+)")
_COMMENT = re.compile(r"^[ \t]*#[^\n]*\n", re.MULTILINE)


class _Pin(NamedTuple):
    version: str
    hashes: frozenset[str]


def entries(lock: str) -> dict[str, str]:
    """Return the text of each entry, by the name of its package."""
    return {found[1]: found[0] for found in _ENTRY.finditer(lock)}


def without_comments(lock: str) -> str:
    """Return a lock without uv's comments, which name folders of this machine."""
    return _COMMENT.sub("", lock)


def without_packages(lock: str, names: Collection[str]) -> str:
    """Return a lock without the entries of these packages."""
    return _ENTRY.sub(lambda found: "" if found[1] in names else found[0], lock)


def merged(base: str, more: str) -> str:
    """Return the lock `base` with what `more` has beyond it; an entry that is not for this machine gives way."""
    known, added = entries(base), entries(more)
    new = {name: entry for name, entry in added.items() if name not in known or not _pin(known[name])}
    return "".join(entry for _, entry in sorted({**known, **new}.items())) if new else base


def same_packages(base: str, lock: str) -> set[str]:
    """Return the packages of which `lock` wants on this machine what `base` has: the version, and no other file.

    A lock may allow more files of a version, for the index may have got some since.
    """
    have = {name: pin for name, entry in entries(base).items() if (pin := _pin(entry))}
    want = {name: pin for name, entry in entries(lock).items() if name in have and (pin := _pin(entry))}
    return {
        name
        for name, pin in want.items()
        if pin.version == have[name].version and have[name].hashes and have[name].hashes <= pin.hashes
    }


def _pin(entry: str) -> _Pin | None:
    """Return what an entry pins on this machine; None where it is not for this machine, or is not understood."""
    end = _END_OF_REQUIREMENT.search(entry)
    try:
        requirement = Requirement(entry[: end.start() if end else None])
    except InvalidRequirement:
        return None
    if requirement.marker and not requirement.marker.evaluate():
        return None
    return _Pin(str(requirement.specifier), frozenset(_HASH.findall(entry)))
