"""Masks personal data in what real hosts answer, before it is written down or shown to a model.

What is masked keeps its type, and the same value the same mask, so that records still belong together. It finds what
has a form of its own, and fields with usual names; a name in the middle of a text it does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_DEEPEST = 60
_FIELDS = {
    "email": "email", "mail": "email", "emailaddress": "email", "firstname": "name", "givenname": "name",
    "lastname": "name", "familyname": "name", "surname": "name", "fullname": "name", "phone": "phone",
    "phonenumber": "phone", "telephone": "phone", "mobile": "phone", "mobilephone": "phone", "street": "street",
    "streetaddress": "street", "addressline1": "street", "birthdate": "birthdate", "dateofbirth": "birthdate",
    "birthday": "birthdate", "ssn": "number", "taxid": "number", "passport": "number", "iban": "iban",
    "ip": "address", "ipaddress": "address", "token": "key", "accesstoken": "key", "refreshtoken": "key",
    "apikey": "key", "password": "key", "secret": "key", "clientsecret": "key", "sessionid": "key",
}  # fmt: skip
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_PHONE = re.compile(r"(?<![\w+])\+\d[\d ()/-]{6,18}\d")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b")
_CARD = re.compile(r"(?<![\d.])(?:\d{4}[ -]?){3}\d{3,4}(?![\d.])")
_TOKEN = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")


class PersonalData:
    """Masks texts and JSON values of one recording."""

    def __init__(self) -> None:
        """Begin with nobody known."""
        self._known: dict[tuple[str, str], int] = {}

    @property
    def masked(self) -> int:
        """How many different values were masked so far."""
        return len(self._known)

    def json(self, value: Any, name: str = "", depth: int = 0) -> Any:
        """Return a JSON value without personal data; what is nested deeper than anybody reads becomes null."""
        if depth > _DEEPEST:
            return None
        if isinstance(value, dict):
            return {key: self.json(each, key, depth + 1) for key, each in value.items()}
        if isinstance(value, list):
            return [self.json(each, name, depth + 1) for each in value]
        kind = _FIELDS.get(re.sub(r"[^a-z0-9]", "", name.lower()))
        if kind and isinstance(value, str) and value:
            return self._mask(kind, value)
        if kind and isinstance(value, int) and not isinstance(value, bool):
            self._mask(kind, str(value))
            return int("1" * len(str(abs(value))))
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """Return a text without what has the form of personal data or of a token."""
        for kind, pattern, is_one in _FORMS:
            text = pattern.sub(
                lambda found, kind=kind, is_one=is_one: (  # type: ignore[misc]
                    self._mask(kind, found[0]) if is_one(found[0]) else found[0]
                ),
                text,
            )
        return text

    def _mask(self, kind: str, value: str) -> str:
        number = self._known.setdefault((kind, value), 1 + sum(known == kind for known, _ in self._known))
        return _MASKS[kind].format(number=number)


_MASKS = {
    "email": "person{number}@example.org", "name": "Name{number}", "phone": "+10000000{number:03}",
    "street": "Street {number}", "birthdate": "1900-01-01", "number": "000{number:03}",
    "iban": "XX00MASKED{number:08}", "address": "192.0.2.{number}", "key": "masked-{number}",
    "card": "0000 0000 0000 0000",
}  # fmt: skip


def _is_iban(text: str) -> bool:
    plain = text.replace(" ", "")
    return int("".join(str(int(each, 36)) for each in plain[4:] + plain[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    digits = [int(each) for each in reversed(text) if each.isdigit()]
    doubled = [sum(divmod(each * 2, 10)) if place % 2 else each for place, each in enumerate(digits)]
    return any(digits) and sum(doubled) % 10 == 0


_FORMS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("key", _TOKEN, bool),
    ("email", _EMAIL, bool),
    ("iban", _IBAN, _is_iban),
    ("card", _CARD, _is_card),
    ("phone", _PHONE, bool),
)
