"""JSON that a model or a program in a sandbox wrote: either plain JSON comes out, or a ValueError.

Python's reader lets NaN, numbers without end, and halves of characters pass, which no file of ours can hold, and
raises RecursionError where lists are nested too deeply.
"""

from __future__ import annotations

import json
from typing import Any


def read_json(text: str | bytes) -> Any:
    """Give the value. Raises ValueError (json.JSONDecodeError where it is a matter of syntax)."""
    try:
        value = json.loads(text, parse_constant=_no_json)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def read_scrubbed(text: bytes) -> Any:
    """Give the value of a sandbox's output; halves of characters become `?`. Raises ValueError."""
    try:
        value = json.loads(text)
        return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def has_half_characters(text: str) -> bool:
    """Say whether a text cannot be written as UTF-8: a command line with stray bytes, an escape in JSON."""
    return any("\ud800" <= character <= "\udfff" for character in text)
