"""Lists a folder in bounds: how its files are named, and which are read. Called where it can be killed."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

MOST_FILES, MOST_DEPTH = 100_000, 8
_MOST_PATTERNS, _MOST_SHOWN = 2_000, 8


def list_folder(folder: str) -> dict[str, Any]:
    """Return {"patterns": [{pattern, count, first, last}], "exact": bool, "left_out": {reason: count}} of a folder.

    Hidden files are left out, and links: those that lead out of the folder must not be followed, and one that stays in
    it leads to what is listed anyway.
    """
    patterns: dict[str, dict[str, Any]] = {}
    left_out: dict[str, int] = {}
    total = 0
    waiting = [(folder, "", 0)]
    while waiting and total < MOST_FILES:
        place, prefix, depth = waiting.pop()
        for entry in _entries(place, left_out):
            if total >= MOST_FILES:
                break
            relative = f"{prefix}{entry.name}"
            if reason := _why_not(entry, depth):
                left_out[reason] = left_out.get(reason, 0) + 1
            elif entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, f"{relative}/", depth + 1))
            else:
                total += 1
                _count(patterns, relative)
    return {"patterns": _shown(patterns), "exact": total < MOST_FILES, "left_out": left_out}


def _entries(place: str, left_out: dict[str, int]) -> Any:
    try:
        with os.scandir(place) as found:
            yield from found
    except OSError:
        left_out["folder that may not be read"] = left_out.get("folder that may not be read", 0) + 1


def _why_not(entry: os.DirEntry[str], depth: int) -> str:
    if entry.name.startswith("."):
        return "hidden"
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "folder too deep" if depth >= MOST_DEPTH else ""
    if not entry.is_file(follow_symlinks=False):
        return "neither file nor folder"
    if not entry.name.isprintable() or "\\" in entry.name:
        return "name that is no plain text"
    return ""


def _count(patterns: dict[str, dict[str, Any]], relative: str) -> None:
    pattern = re.sub(r"\d", "#", relative)
    if pattern not in patterns and len(patterns) >= _MOST_PATTERNS:
        pattern = _suffix(relative)
    found = patterns.setdefault(pattern, {"pattern": pattern, "count": 0, "first": relative, "last": relative})
    found["count"] += 1
    found["first"], found["last"] = min(found["first"], relative), max(found["last"], relative)


def _suffix(relative: str) -> str:
    return f"*{Path(relative).suffix.lower()}"


def _shown(patterns: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return at most eight patterns, the most frequent first; where there are more, names count by their suffix."""
    if len(patterns) > _MOST_SHOWN:
        together: dict[str, dict[str, Any]] = {}
        for each in patterns.values():
            suffix = _suffix(each["pattern"])
            found = together.setdefault(suffix, {**each, "pattern": suffix, "count": 0})
            found["count"] += each["count"]
            found["first"], found["last"] = min(found["first"], each["first"]), max(found["last"], each["last"])
        patterns = together
    return sorted(patterns.values(), key=lambda each: (-each["count"], each["pattern"]))[:_MOST_SHOWN]
