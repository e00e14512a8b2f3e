"""Redacts keys where text leaves the process.

One function, `redact`, knows the keys: the values of variables that are named like keys, passwords in URLs, and what
was passed to `remember`. It is applied where text leaves: to errors and events when they are created, log records,
answers of models, whatever is published, shown in artifacts or cached as a result, the persisted conversations of
coding agents, and the streams of the command line. No other code needs to redact.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import os
import re
import string
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, TextIO
from urllib.parse import unquote

MASK = "***"
_KEY_NAME = re.compile(
    r"(?i)SECRET|PASSWORD|ACCESS_KEY|PASSPHRASE|(^|_)(API_?KEYS|KEY|APIKEY|TOKEN|PASSWD|AUTH_STRING)$"
    r"|_(PASS|PWD|PAT|AUTH|CONNECTION_STRING)$"
)
_FILE_NAME = re.compile(r"(?i)_(FILE|PATH|DIR|FOLDER|NAME)$")
_USER_PART = re.compile(r"://([^\s/\"'<>]+)@")  # up to the last @: a password may contain an unquoted one
_PLACEHOLDER = re.compile(r".{0,7}|[a-z_-]{0,15}", re.DOTALL)  # `none`, `EMPTY`, `not-needed`: words, not keys
_LONG_LINE = 20
_ESCAPED = set(string.punctuation) - {"\\"}
_KEY_FORM = re.compile(
    r"(?i)(\bbearer\s+|\bbasic\s+(?=[\w+/]{8})|\bkey[=:]\s*|://[^\s/@:]*:(?=[^\s/]*@)|\bsk-|\bAIza)[^\s\"'&,@]+"
)

_remembered: frozenset[str] = frozenset()
_lock = threading.Lock()


def remember(*texts: str | None) -> None:
    """Redact these keys from now on in this process; of a URL, only its password."""
    global _remembered
    found = {key for text in texts if text for key in (_passwords(text) if "://" in text else [text])}
    with _lock:
        _remembered |= found


def redact(text: str) -> str:
    """Return the text with every key that this process knows replaced by MASK."""
    pattern = _pattern(tuple(os.environ.items()), _remembered)
    return pattern.sub(MASK, text) if pattern else text


def redact_error(text: str) -> str:
    """Return the text of a foreign error on one line, without known keys or anything that looks like a key."""
    return _KEY_FORM.sub(rf"\1{MASK}", redact(" ".join(text.split())))


def redact_file(text: str) -> str:
    """Return the redacted text of a file; JSON stays valid JSON, even if a key is a number."""
    if (hidden := redact(text)) == text:
        return text
    try:
        return json.dumps(redact_json(json.loads(text)), indent=1)
    except (ValueError, RecursionError):
        return hidden


def redact_bytes(content: bytes) -> bytes:
    """Return the redacted content of a file; if there is nothing to redact, the content is unchanged, even binary."""
    return redact_file(content.decode(errors="surrogateescape")).encode(errors="surrogateescape")


def redact_json(value: Any) -> Any:
    """Return a JSON-able value with every text in it redacted."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(key) if isinstance(key, str) else key: redact_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_json(item) for item in value]
    return value


def has_password(url: str | None) -> bool:
    """Return whether a URL contains a password or a token."""
    return bool(url and _USER_PART.search(url))


def without_user(url: str) -> str:
    """Return a URL without its user and password."""
    return _USER_PART.sub("://", url)


def without_keys(variables: Mapping[str, str], kept: str) -> dict[str, str]:
    """Return the variables without keys, except those whose names match the pattern `kept` at their beginning."""
    return {name: value for name, value in variables.items() if re.match(kept, name) or not _is_key(name)}


def redact_logs() -> None:
    """Redact every log record of this process, including tracebacks, for all handlers."""
    make = logging.getLogRecordFactory()
    if getattr(make, "masks", False):
        return

    def masking(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        try:
            said = record.getMessage()
        except Exception:  # its arguments do not fit, and a handler would print them unredacted
            said = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
            record.msg, record.args = said, ()
        if (hidden := redact(said)) != said:
            record.msg, record.args = hidden, ()
        if record.exc_info and record.exc_info[0]:
            told = "".join(traceback.format_exception(*record.exc_info)).rstrip()
            if (hidden := redact(told)) != told:
                record.exc_text, record.exc_info = hidden, None
        return record

    masking.masks = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(masking)


class OutputUnread(Exception):
    """Nobody reads this process's output, as after `| head`. Not an OSError: click and rich would exit with 1."""


class RedactedStream:
    """Wraps a text stream so that everything written to it is redacted.

    Raises OutputUnread once if the reader is gone; what is written after that is discarded.
    """

    def __init__(self, stream: TextIO) -> None:
        """Wrap `stream`."""
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the redacted text, and return the length of the original."""
        with self._read_by_somebody():
            self._stream.write(redact(text))
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        with self._read_by_somebody():
            self._stream.flush()

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each line."""
        for line in lines:
            self.write(line)

    @contextmanager
    def _read_by_somebody(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            raise OutputUnread from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@lru_cache(maxsize=8)
def _pattern(variables: tuple[tuple[str, str], ...], remembered: frozenset[str]) -> re.Pattern[str] | None:
    found = set(remembered)
    for name, value in variables:
        found.update([value] if _is_key(name) else [], _passwords(value))
    return pattern_of(found)


def pattern_of(found: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern for these keys as texts show them: plain, escaped, quoted for a URL, or in base64.

    None if none of them is long enough to be told from a word.
    """
    keys = {part for key in found for part in _parts(key.strip()) if not _PLACEHOLDER.fullmatch(part)}
    encoded = {_encoded(key, shift) for key in keys for shift in range(3)}
    forms = [*map(_written, sorted(keys, key=len, reverse=True)), *sorted(encoded, key=len, reverse=True)]
    return re.compile("|".join(forms)) if forms else None


def _is_key(name: str) -> bool:
    return bool(_KEY_NAME.search(name)) and not _FILE_NAME.search(name)


def _passwords(text: str) -> list[str]:
    """Return the passwords or tokens in a text's URLs, plain, unquoted, and encoded as for basic authentication."""
    found = []
    for user_part in _USER_PART.findall(text):
        user, mark, password = user_part.partition(":")
        secret = password if mark else user
        pair = f"{unquote(user)}:{unquote(password)}"
        found += [secret, unquote(secret), base64.b64encode(pair.encode()).decode()]
    return [each for each in found if not _PLACEHOLDER.fullmatch(each)]


def _parts(key: str) -> list[str]:
    """Return a key and, if it has several lines, the longer ones, because a text may show them one by one."""
    lines = [line.strip() for line in re.split(r"\\n|\n", key)]
    return [key, *(line for line in lines if len(line) >= _LONG_LINE and not line.startswith("-----"))]


def _written(key: str) -> str:
    """Return a pattern for a key written plainly, in (nested) JSON, in a URL, in HTML, in Markdown or in Python.

    A run of backslashes is matched from its first one and as a whole, or not at all, so a long one takes no time.
    """
    first, *rest = re.findall(r"\\+|\s+|.", key, re.DOTALL)
    start = r"(?<!\\)" if first[0] == "\\" else ""
    more = (r"\\*+" * (each in _ESCAPED) + _character(each) for each in rest)
    return start + _character(first) + "".join(more)


@cache
def _character(each: str) -> str:
    """Return a pattern for one character of a key, or for a run of backslashes or of spaces."""
    if each[0].isspace():
        return r"(?:\s|\\+[nrt]|\+|%(?:25)*(?:20|0[9aAdD]))+"
    if each.isascii() and (each.isalnum() or each in "-_.~"):
        return re.escape(each)
    sent = "".join(f"%(?:25)*{byte:02x}" for byte in each[0].encode(errors="surrogatepass"))
    ways = {re.escape(way) for way in (each, html.escape(each), f"&#{ord(each[0])};")}
    if each[0] == "\\":
        ways = {r"\\++"}
    elif not (each.isascii() and each.isprintable()):
        ways |= {way.replace("\\", r"\\++") for way in (json.dumps(each)[1:-1], ascii(each)[1:-1])}
    return f"(?:{'|'.join(sorted(ways))}|(?i:{sent})+)"


def _encoded(key: str, shift: int) -> str:
    """Return a pattern for the base64 characters that a key alone determines at an offset of `shift` bytes (0 to 2)."""
    raw = key.encode(errors="surrogatepass")
    text = base64.b64encode(bytes(shift) + raw).decode()[(shift * 8 + 5) // 6 : (shift + len(raw)) * 8 // 6]
    return text.replace("+", "[+-]").replace("/", "(?:/|_|%2[fF])")
