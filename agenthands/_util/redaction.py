"""Keys are masked where text leaves the process.

One function, `masked`, knows the keys: values of variables that are named like keys, passwords in URLs, and what
`remember` was told. It is applied where text leaves: errors and events when they are made, log records, what a model
answers, what is published, shown in artifacts or kept as a result, what a coding agent's conversation persists, and
the streams of the command line. Nobody else needs to think of it.
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
_USER_PART = re.compile(r"://([^\s/\"'<>]+)@")  # up to the last @: a password may hold one that nobody has quoted
_PLACEHOLDER = re.compile(r".{0,7}|[a-z_-]{0,15}", re.DOTALL)  # `none`, `EMPTY`, `not-needed`: words, not keys
_LONG_LINE = 20
_ESCAPED = set(string.punctuation) - {"\\"}
_KEY_FORM = re.compile(
    r"(?i)(\bbearer\s+|\bbasic\s+(?=[\w+/]{8})|\bkey[=:]\s*|://[^\s/@:]*:(?=[^\s/]*@)|\bsk-|\bAIza)[^\s\"'&,@]+"
)

_remembered: frozenset[str] = frozenset()
_lock = threading.Lock()


def remember(*texts: str | None) -> None:
    """Mask these keys, and the passwords of those that are URLs, from now on in this process."""
    global _remembered
    found = {key for text in texts if text for key in (_passwords(text) if "://" in text else [text])}
    with _lock:
        _remembered |= found


def redact(text: str) -> str:
    """Return the text without the keys that this process knows."""
    pattern = _pattern(tuple(os.environ.items()), _remembered)
    return pattern.sub(MASK, text) if pattern else text


def redact_error(text: str) -> str:
    """Return the text of an error of somebody else on one line: without keys, known or looking like one."""
    return _KEY_FORM.sub(rf"\1{MASK}", redact(" ".join(text.split())))


def redact_file(text: str) -> str:
    """Do the same to the text of a file; JSON stays JSON, also where a key is a number."""
    if (hidden := redact(text)) == text:
        return text
    try:
        return json.dumps(redact_json(json.loads(text)), indent=1)
    except (ValueError, RecursionError):
        return hidden


def redact_bytes(content: bytes) -> bytes:
    """Do the same to a file; where nothing is masked, it stays as it is, whatever it holds."""
    return redact_file(content.decode(errors="surrogateescape")).encode(errors="surrogateescape")


def redact_json(value: Any) -> Any:
    """Do the same to every text of a JSON-able value."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(key) if isinstance(key, str) else key: redact_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_json(item) for item in value]
    return value


def has_password(url: str | None) -> bool:
    """Return whether a URL carries a password or a token."""
    return bool(url and _USER_PART.search(url))


def without_user(url: str) -> str:
    """Return a URL without its user and password."""
    return _USER_PART.sub("://", url)


def without_keys(variables: Mapping[str, str], kept: str) -> dict[str, str]:
    """Return the variables for a program that needs no keys but those whose names begin as `kept` says, a pattern."""
    return {name: value for name, value in variables.items() if re.match(kept, name) or not _is_key(name)}


def redact_logs() -> None:
    """Mask every log record of this process, tracebacks included, whatever handler it goes to."""
    make = logging.getLogRecordFactory()
    if getattr(make, "masks", False):
        return

    def masking(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        try:
            said = record.getMessage()
        except Exception:  # its arguments do not fit, and a handler would quote them as they are
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
    """Nobody reads what this process prints, as after `| head`. No OSError: click and rich exit with 1 then."""


class RedactedStream:
    """A text stream that writes no keys; all else is the stream's own.

    Raises OutputUnread where its reader has ended, once: what is written after that goes nowhere.
    """

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text without keys; returns its length as it came."""
        with self._read_by_somebody():
            self._stream.write(redact(text))
        return len(text)

    def flush(self) -> None:
        """Write out what is kept back."""
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
    keys = {part for key in found for part in _parts(key.strip()) if not _PLACEHOLDER.fullmatch(part)}
    encoded = {_encoded(key, shift) for key in keys for shift in range(3)}
    forms = [*map(_written, sorted(keys, key=len, reverse=True)), *sorted(encoded, key=len, reverse=True)]
    return re.compile("|".join(forms)) if forms else None


def _is_key(name: str) -> bool:
    return bool(_KEY_NAME.search(name)) and not _FILE_NAME.search(name)


def _passwords(text: str) -> list[str]:
    """Return the passwords in a text's URLs, or what stands in a password's place, and how each is sent."""
    found = []
    for user_part in _USER_PART.findall(text):
        user, mark, password = user_part.partition(":")
        secret = password if mark else user
        pair = f"{unquote(user)}:{unquote(password)}"
        found += [secret, unquote(secret), base64.b64encode(pair.encode()).decode()]
    return [each for each in found if not _PLACEHOLDER.fullmatch(each)]


def _parts(key: str) -> list[str]:
    """Return a key, and the longer lines of one that has several: a text may show them one by one."""
    lines = [line.strip() for line in re.split(r"\\n|\n", key)]
    return [key, *(line for line in lines if len(line) >= _LONG_LINE and not line.startswith("-----"))]


def _written(key: str) -> str:
    """Return a pattern of a key as it is written plainly, in JSON (in JSON), in a URL, in HTML, in Markdown, in Python.

    Runs of backslashes are matched whole or not at all, and from their first: a long one costs no time.
    """
    first, *rest = re.findall(r"\\+|\s+|.", key, re.DOTALL)
    start = r"(?<!\\)" if first[0] == "\\" else ""
    more = (r"\\*+" * (each in _ESCAPED) + _character(each) for each in rest)
    return start + _character(first) + "".join(more)


@cache
def _character(each: str) -> str:
    """Return a pattern of one character of a key, or of a run of backslashes or of spaces."""
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
    """Return a pattern of the part of a text in base64 that a key alone decides, where it stands `shift` bytes on."""
    raw = key.encode(errors="surrogatepass")
    text = base64.b64encode(bytes(shift) + raw).decode()[(shift * 8 + 5) // 6 : (shift + len(raw)) * 8 // 6]
    return text.replace("+", "[+-]").replace("/", "(?:/|_|%2[fF])")
