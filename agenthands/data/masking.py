"""Masks keys and personal data in values before they are told to a model; the same value becomes the same stand-in."""

from __future__ import annotations

import re
from collections import Counter

from agenthands._util.redaction import redact

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_IBAN = re.compile(r"\b([A-Z]{2})\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_PHONE = re.compile(r"(?<![\w.,+-])(?:\+|00)\d(?:[ ()/.-]{0,2}\d){7,14}(?![\w])|(?<![\w.,/+-])\(?0\d{2,5}\)?[ /-]\d(?:[ -]?\d){4,10}(?!\w)")
_CARD = re.compile(r"(?<![\w-])\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}(?![\w-])")
_KEY = re.compile(
    r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}|\bAKIA[A-Z0-9]{16}\b|\bAIza[\w-]{30,}|\bgh[pousr]_[A-Za-z0-9]{30,}"
    r"|\bxox[abpr]-[\w-]{10,}|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|://[^\s/@:]+:[^\s/@]+@"
)


class Masker:
    """Masks one text after the other; `counts` says how many values were masked, by kind."""

    def __init__(self) -> None:
        """Begin with nothing masked."""
        self.counts: Counter[str] = Counter()
        self._stand_ins: dict[str, str] = {}

    def text(self, text: str) -> str:
        """Return a text without keys, e-mail addresses, phone numbers, IBANs and card numbers."""
        if (hidden := redact(text)) != text:
            self.counts["key"] += 1
        hidden = _KEY.sub(lambda match: self._stand_in("key", match), hidden)
        hidden = _EMAIL.sub(lambda match: self._stand_in("e-mail address", match), hidden)
        hidden = _IBAN.sub(lambda match: self._stand_in("IBAN", match), hidden)
        hidden = _CARD.sub(lambda match: self._stand_in("card number", match), hidden)
        return _PHONE.sub(lambda match: self._stand_in("phone number", match), hidden)

    def _stand_in(self, kind: str, match: re.Match[str]) -> str:
        """Return what stands for a value, of the same shape: two that are equal stay equal."""
        found = match[0]
        if found not in self._stand_ins:
            self.counts[kind] += 1
            number = self.counts[kind]
            self._stand_ins[found] = {
                "e-mail address": f"masked{number}@example.org",
                "key": "***",
            }.get(kind) or _renumbered(found, number, kept=2 if kind == "IBAN" else 0)
        return self._stand_ins[found]


def _renumbered(text: str, number: int, kept: int) -> str:
    """Return a text with all digits and letters but the first `kept` as zeros, and a number at its end."""
    places = [index for index, each in enumerate(text) if each.isalnum() and index >= kept]
    digits = str(number).zfill(len(places))[-len(places) :]
    made = list(text)
    for index, digit in zip(places, digits, strict=True):
        made[index] = digit
    return "".join(made)
