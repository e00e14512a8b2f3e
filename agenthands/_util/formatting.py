"""How times, costs and foreign text read, the same in the terminal and in the report."""

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
_JOINERS = "\u200c\u200d"  # letters of Persian and parts of an emoji are joined by these


def one_line(text: str, limit: int = 400) -> str:
    """Make foreign text harmless for a terminal: one line, no escapes, no control or direction characters."""
    # Cut first: a model's text may be megabytes, and only its beginning is shown.
    joined = " ".join(plain(text[: limit * 8]).split())
    return joined if len(joined) <= limit else joined[: limit - 3].rstrip() + "..."


def plain(text: str) -> str:
    """Make foreign text harmless for a terminal, and keep its spaces; a line break or a tab becomes a space too."""
    rest = _TERMINAL_SEQUENCE.sub("", text)
    return "".join(" " if char.isspace() else char for char in rest if char.isspace() or _harmless(char))


def visible(text: str) -> str:
    """Make foreign text safe to look at on a page: what hides or turns letters around is written out as an escape."""
    return _NOT_PLAIN.sub(lambda found: _written_out(found[0]), text)


def cells(text: str) -> int:
    """Count the terminal columns that a text takes."""
    return sum(_width(char) for char in text)


def cut(text: str, width: int, ellipsis: str = "...") -> str:
    """Shorten a text to at most `width` columns; what is cut off is marked where there is room for a mark."""
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
    """Fill a text with spaces to `width` columns."""
    room = " " * max(0, width - cells(text))
    return room + text if right else text + room


def money(cost: float | None) -> str:
    """Say a cost in US dollars; an unknown price is said, never taken for nothing."""
    if cost is None:
        return "cost unknown"
    if 0 < cost < 0.001:
        return "<$0.001"
    # A tool often costs a few cents, so cents alone say too little below a dollar.
    return f"${cost:.3f}" if 0 < cost < 0.9995 else f"${cost:,.2f}"


def duration(seconds: float) -> str:
    """Say a time span: 0.4 s, 12 s, 3m 05s, 2h 07m."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def tick(seconds: float) -> str:
    """Say a mark on a scale of time: 0, 0.5 s, 30 s, 2 min, 4 h."""
    if seconds == 0:
        return "0"
    size, unit = (1, "s") if seconds < 60 else (60, "min") if seconds < 3600 else (3600, "h")
    return f"{seconds / size:g} {unit}"


def count(number: int, noun: str) -> str:
    """Return how many of something: 1 tool, 2 tools, 1,200 tokens."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def cut_off(calls: int) -> str:
    """Return how many calls of a model were ended before they were answered; empty for none."""
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
