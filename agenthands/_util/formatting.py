"""Formats times, costs and untrusted text, the same for the terminal and for the report."""

from __future__ import annotations

import re
import unicodedata

_TERMINAL_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC, DCS: titles, links, clipboard
    r"|\x9b[0-?]*[ -/]*[@-~]"
    r"|\x1b[ -/]*[0-~]",
    re.DOTALL,
)
_NOT_PLAIN = re.compile(r"[^\n\t\x20-\x7e]")
_JOINERS = "\u200c\u200d"  # Persian letters and parts of an emoji are joined by these


def one_line(text: str, limit: int = 400) -> str:
    """Return untrusted text, safe for a terminal, as one line of at most `limit` characters.

    Escapes, control characters and direction characters are removed.
    """
    # Cut first: a model's text may have megabytes, and only its beginning is shown.
    joined = " ".join(plain(text[: limit * 8]).split())
    return joined if len(joined) <= limit else joined[: limit - 3].rstrip() + "..."


def plain(text: str) -> str:
    """Return untrusted text, safe for a terminal, with its spaces; line breaks and tabs become spaces."""
    rest = _TERMINAL_SEQUENCE.sub("", text)
    return "".join(" " if char.isspace() else char for char in rest if char.isspace() or _harmless(char))


def visible(text: str) -> str:
    """Return untrusted text for a page, with characters that hide or reorder letters written as escapes."""
    return _NOT_PLAIN.sub(lambda found: _written_out(found[0]), text)


def cells(text: str) -> int:
    """Return the number of terminal columns that a text takes."""
    return sum(_width(char) for char in text)


def cut(text: str, width: int, ellipsis: str = "...") -> str:
    """Return a text shortened to at most `width` columns, with `ellipsis` at the cut if there is room."""
    if cells(text) <= width:
        return text
    mark = ellipsis if width > 2 * len(ellipsis) else ""
    kept, used = [], cells(mark)
    for char in text:
        used += _width(char)
        if used > width:
            break
        kept.append(char)
    return "".join(kept).rstrip() + mark


def pad(text: str, width: int, right: bool = False) -> str:
    """Return a text padded with spaces to `width` columns; `right` aligns it to the right."""
    room = " " * max(0, width - cells(text))
    return room + text if right else text + room


def money(cost: float | None) -> str:
    """Return a cost in US dollars as text; an unknown one is "cost unknown", never $0."""
    if cost is None:
        return "cost unknown"
    if 0 < cost < 0.001:
        return "<$0.001"
    # A tool often costs a few cents, so two decimals are too coarse below a dollar.
    return f"${cost:.3f}" if 0 < cost < 0.9995 else f"${cost:,.2f}"


def duration(seconds: float) -> str:
    """Return a time span as text: 0.4 s, 12 s, 3m 05s, 2h 07m."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def tick(seconds: float) -> str:
    """Return the label of a tick on a time axis: 0, 0.5 s, 30 s, 2 min, 4 h."""
    if seconds == 0:
        return "0"
    size, unit = (1, "s") if seconds < 60 else (60, "min") if seconds < 3600 else (3600, "h")
    return f"{seconds / size:g} {unit}"


def count(number: int, noun: str) -> str:
    """Return a number with its noun: 1 tool, 2 tools, 1,200 tokens."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def cut_off(calls: int) -> str:
    """Return how many model calls were cut off before their answer, as text; empty for none."""
    return f"{count(calls, 'call')} cut off at unknown cost" if calls else ""


def _harmless(char: str) -> bool:
    # Cc control, Cf direction and zero-width, Cs lone surrogates, Co private, Cn unassigned.
    return unicodedata.category(char)[0] != "C"


def _written_out(char: str) -> str:
    if char == "\r":
        return ""
    return char if _harmless(char) or char in _JOINERS else f"\\u{ord(char):04x}"


def _width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
