"""Line ends that survive an editor which knows line feeds alone: they are taken away before, and put back after.

An edit leaves most lines as they were. These keep their own ends, `\\r\\n`, `\\n` or `\\r`, in whatever mixture; a
changed line keeps that of the line in whose place it is, and a new one gets that of the line before it.
"""

from __future__ import annotations

import difflib
import re

_MOST_COMPARED = 10**6  # changed lines before, times those after
_LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r|\Z)")


def without_ends(text: str) -> str:
    """Return the text with line feeds in place of all line ends, as Python's universal newlines are read."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def with_ends(edited: str, before: str) -> str:
    """Return an edited text with the line ends of `before`, of which the editor was given `without_ends(before)`.

    An end other than a line feed that was written into `edited` stays.
    """
    old, new = _lines(before), _lines(edited)
    first = old[0][1] if old and old[0][1] else "\n"
    pairs = _pairs([text for text, _ in old], [text for text, _ in new])
    ends = {late: old[early][1] for early, late in pairs}
    parts, last = [], first
    for index, (text, end) in enumerate(new):
        if end == "\n":
            # what was the last line, without an end, may have got one
            end = ends.get(index) or last
        if end:
            last = end
        parts.append(text + end)
    return "".join(parts)


def _lines(text: str) -> list[tuple[str, str]]:
    """Return the lines, each with its end; only the last has none, and there is none after a last end."""
    found = [(match[1], match[2]) for match in _LINE.finditer(text)]
    return [each for each in found if each != ("", "")]


def _pairs(old: list[str], new: list[str]) -> list[tuple[int, int]]:
    """Return which line of the old ones each of the new ones was; lines that were added are left out."""
    top = next((n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), min(len(old), len(new)))
    rest = min(len(old), len(new)) - top
    bottom = next((n for n in range(rest) if old[-1 - n] != new[-1 - n]), rest)
    ends = len(old) - bottom, len(new) - bottom
    found = [(n, n) for n in range(top)] + [(ends[0] + n, ends[1] + n) for n in range(bottom)]
    if (ends[0] - top) * (ends[1] - top) > _MOST_COMPARED:
        return found + [(n, n) for n in range(top, min(ends))]
    matcher = difflib.SequenceMatcher(None, old[top : ends[0]], new[top : ends[1]], autojunk=False)
    for _, start, stop, late, end in matcher.get_opcodes():
        found += [(top + start + n, top + late + n) for n in range(min(stop - start, end - late))]
    return found
