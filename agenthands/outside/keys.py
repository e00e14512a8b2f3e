"""Keys that stay outside of a sandbox: inside stands a placeholder, which the gateway replaces in headers alone."""

from __future__ import annotations

import base64
import contextlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agenthands._util.redaction import pattern_of

Headers = Sequence[tuple[str, str]]
_BASIC = re.compile(r"(?i)^basic +([A-Za-z0-9+/=_-]+)$")
_MOST_WRITTEN = 12
"""Bytes that a character of a key may take in an answer, where it is escaped or percent-encoded twice."""


class MisplacedKeyError(Exception):
    """A placeholder stands where no key may: `where` says so in words."""

    def __init__(self, name: str, where: str) -> None:
        """Keep the name of the key, and the place."""
        super().__init__(
            f"The key {name} stands in {where}, and is sent in headers, to its own host, over https alone."
        )


@dataclass(frozen=True)
class Key:
    """A key by the name of its variable, with what stands for it inside. Its value is in no text of the object."""

    name: str
    value: str = field(repr=False)
    placeholder: str

    @classmethod
    def of(cls, name: str, value: str) -> Key:
        """Return a key with a placeholder that nobody can guess."""
        return cls(name, value, f"placeholder-{name.lower().replace('_', '-')}-{secrets.token_hex(8)}")


def keys_of(names: Sequence[str], variables: Mapping[str, str]) -> list[Key]:
    """Return the keys with these names that are set among the variables."""
    return [Key.of(name, value) for name in dict.fromkeys(names) if (value := variables.get(name, "").strip())]


def with_keys(headers: Headers, keys: Sequence[Key]) -> list[tuple[str, str]]:
    """Return the headers with values in place of placeholders, in basic authentication too."""
    return [(name, _filled(value, keys)) for name, value in headers]


def told_in(headers: Headers) -> str:
    """Return all that headers say, with what basic authentication encodes written out."""
    return "\n".join(text for _, value in headers for text in (value, _pair_in(value)))


def _filled(text: str, keys: Sequence[Key]) -> str:
    pair = _pair_in(text)
    filled = _replaced(pair, keys)
    if filled == pair:
        return _replaced(text, keys)
    return f"Basic {base64.b64encode(filled.encode('latin-1')).decode()}"


def _pair_in(text: str) -> str:
    """Return user and password of basic authentication; empty for any other header."""
    if basic := _BASIC.match(text):
        with contextlib.suppress(ValueError):
            return base64.b64decode(basic[1], validate=True).decode("latin-1")
    return ""


def _replaced(text: str, keys: Sequence[Key]) -> str:
    for key in keys:
        text = text.replace(key.placeholder, key.value)
    return text


def refuse_misplaced(keys: Sequence[Key], places: Mapping[str, str]) -> None:
    """Raise MisplacedKeyError if a placeholder stands in one of these texts, each under the words for its place."""
    for key in keys:
        for where, text in places.items():
            if key.placeholder in text:
                raise MisplacedKeyError(key.name, where)


class Hider:
    """Puts placeholders in place of keys that a host sends back, plain or encoded, whole or in pieces."""

    def __init__(self, keys: Sequence[Key]) -> None:
        """Prepare for these keys; without any, everything passes as it is."""
        self._each = [(pattern, key.placeholder) for key in keys if (pattern := pattern_of([key.value]))]
        self._any = pattern_of([key.value for key in keys])
        self._reach = max((len(key.value) * _MOST_WRITTEN for key in keys), default=0)

    def text(self, text: str) -> str:
        """Return a whole text without the keys."""
        for pattern, placeholder in self._each:
            text = pattern.sub(placeholder, text)
        return text

    def pieces(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield a body without the keys; what may be the beginning of one is held back until it is decided."""
        if not self._any:
            yield from chunks
            return
        held = ""
        for chunk in chunks:
            held += chunk.decode("latin-1")
            if len(held) > 2 * self._reach:
                end = len(held) - self._reach
                split = (each.start() for each in self._any.finditer(held) if each.start() < end < each.end())
                end = next(split, end)
                yield self.text(held[:end]).encode("latin-1", "replace")
                held = held[end:]
        yield self.text(held).encode("latin-1", "replace")
