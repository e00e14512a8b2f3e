"""Bounds of what a record may say: whoever can write to a store could write numbers that no chart ends with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

_CLOCK_SET_BACK = -1e6  # seconds; a clock that was set during a build gave such times in older records
ID = r"^[A-Za-z0-9][A-Za-z0-9-]{0,79}$"


def _not_before_zero(value: Any) -> Any:
    return 0.0 if isinstance(value, int | float) and _CLOCK_SET_BACK < value < 0 else value


def _is_moment(text: str) -> str:
    """Return a time as records write it. Raises ValueError for what is none of our days."""
    moment = datetime.fromisoformat(text[:40])
    if len(text) > 40 or not 2000 <= moment.replace(tzinfo=UTC).year < 2200:
        raise ValueError("it is no time of a build")
    return text


def _is_relative(name: str) -> str:
    """Return the name of a build's file. Raises ValueError for one that could lead elsewhere."""
    if len(name) > 1000 or not name.isprintable() or "\\" in name or {"", ".", ".."} & set(name.split("/")):
        raise ValueError(f"{name[:100]!a} is no name of a file")
    return name


Seconds = Annotated[float, BeforeValidator(_not_before_zero), Field(ge=0, le=1e9)]
"""A time span, or seconds after the beginning of a build; at most about 30 years."""
Usd = Annotated[float, Field(ge=0, le=1e9)]
"""A cost in US dollars."""
Saved = Annotated[float, Field(ge=-1e9, le=1e9)]
"""What was saved, in US dollars; negative where it cost more."""
Number = Annotated[int, Field(ge=-(10**15), le=10**15)]
"""A number of tokens or calls; a difference may be negative."""
BuildId = Annotated[str, Field(pattern=ID)]
"""The id of a build or of a batch, which is part of keys and commands."""
Moment = Annotated[str, AfterValidator(_is_moment)]
"""A time in ISO 8601."""
FileName = Annotated[str, AfterValidator(_is_relative)]
"""The name of a file below its build, with `/`."""
MOST_TOOLS, MOST_CASES, MOST_EXAMPLES, MOST_NAMES, MOST_NOTES, MOST_FILES = 100, 500, 1000, 500, 5000, 20_000
"""How long lists may be: tools, test cases, examples of a tool, names, what was noted of a build, and its files."""
