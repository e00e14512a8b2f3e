"""Masks keys and personal data in values before they are told to a model; the same value becomes the same stand-in."""

from __future__ import annotations

import re
from collections import Counter

from agenthands._util.redaction import MASK, redact

_SHAPES = {
    "key": r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}|\bAKIA[A-Z0-9]{16}\b|\bAIza[\w-]{30,}|\bgh[pousr]_[A-Za-z0-9]{30,}"
    r"|\bxox[abpr]-[\w-]{10,}|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)",
    "e-mail": r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}",
    "IBAN": r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b",
    "card number": r"(?<![\w-])\d{4}(?P<between>[ -])\d{4}(?P=between)\d{4}(?P=between)\d{1,7}(?![\w-])",
    "phone number": r"(?<![\w.,+-])(?:\+|00)\d(?:[ ()/.-]{0,2}\d){7,14}(?!\w)"
    r"|(?<![\w.,/+-])\(?0\d{2,5}\)?[ /-]\d(?:[ -]?\d){4,10}(?!\w)",
}
_ANY = re.compile("|".join(f"(?P<_{at}>{shape})" for at, shape in enumerate(_SHAPES.values())))
_KINDS = list(_SHAPES)


class Masker:
    """Masks one text after the other; `counts` says how many different values were masked, by kind."""

    def __init__(self) -> None:
        """Begin with nothing masked."""
        self.counts: Counter[str] = Counter()
        self._stand_ins: dict[str, str] = {}

    def text(self, text: str) -> str:
        """Return a text without keys, e-mail addresses, phone numbers, IBANs and card numbers."""
        if (hidden := redact(text)) != text:
            self.counts["key"] += 1
        return _ANY.sub(self._stand_in, hidden)

    def _stand_in(self, match: re.Match[str]) -> str:
        """Return what stands for a value, of the same shape: two that are equal stay equal."""
        found = match[0]
        if found not in self._stand_ins:
            kind = next(_KINDS[at] for at in range(len(_KINDS)) if match[f"_{at}"] is not None)
            self.counts[kind] += 1
            self._stand_ins[found] = _masked(kind, found, self.counts[kind])
        return self._stand_ins[found]


def _masked(kind: str, found: str, number: int) -> str:
    if kind == "key":
        return MASK
    if kind == "e-mail":
        return f"masked{number}@example.org"
    return _renumbered(found, number, kept=2 if kind == "IBAN" else 0)


def _renumbered(text: str, number: int, kept: int) -> str:
    """Return a text with all digits and letters but the first `kept` as zeros, and a number at its end."""
    places = [index for index, each in enumerate(text) if each.isalnum() and index >= kept]
    digits = str(number).zfill(len(places))[-len(places) :]
    made = list(text)
    for index, digit in zip(places, digits, strict=True):
        made[index] = digit
    return "".join(made)
