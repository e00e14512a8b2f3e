"""Part of the check `hygiene`: no key that opens something stands in a tool or its tests."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

from agenthands.gate.checks.lint import Remark

_KEYS = re.compile(
    r"AIza[0-9A-Za-z_-]{35}|sk-[A-Za-z0-9_-]{20,}|nvapi-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,}|xai-[A-Za-z0-9]{20,}"
)
_MADE_UP = re.compile(r"example|dummy|fake|placeholder|redacted|x{6}|\*{4}|0{12}|<[^>]+>|your[-_ ]", re.IGNORECASE)
_FEW = 5  # different characters: no key that opens something has so few
_NO_HOST = re.compile(
    r"://[^/\s'\"]*@(?:[\w.-]*\.)?(?:example(?:\.(?:com|org|net))?|test|invalid|localhost|127\.0\.0\.1|host(?:name)?)\b",
    re.IGNORECASE,
)
_NO_PASSWORD = re.compile(
    r"://[^/\s'\":]*:(?:p|pw|pwd|pass|passw(?:or)?d|secret|s3cret|token|key|\w{1,3})@", re.IGNORECASE
)
_PEM_BODY = re.compile(r"-----BEGIN[^-]*PRIVATE KEY(?: BLOCK)?-----(?:\\n|[\s'\"+\\])*[A-Za-z0-9+/=]{40}")
# What is also data: a token or an address can be an example of what the tool reads.
_DATA = {"JSON Web Token", "Basic Auth Credentials"}
_ALLOWED = re.compile(r"#\s*pragma: allowlist secret\b[\s:,.()-]*(?P<reason>.*[^\W\d_]{3}.*)")


def secrets(source: str, path: str, *, is_tests: bool) -> Iterator[Remark]:
    """Say in which lines something looks like a key; the key itself is not repeated."""
    for number, line in enumerate(source.splitlines(), 1):
        kinds = set(_kinds(source, path, line, number))
        if not kinds:
            continue
        shown = f"{path}:{number}: this looks like a secret ({', '.join(sorted(kinds))})"
        if kinds <= _DATA:
            allowed = _ALLOWED.search(line)
            reason = allowed["reason"].strip() if allowed else ""
            way = "take it out or, where it opens nothing, say why on the line: `# pragma: allowlist secret - ...`."
            yield Remark(f"{shown}; {way}", not is_tests and not reason, reason)
        else:
            way = "take it out: a tool gets its keys from the environment, and a test has one with EXAMPLE in it."
            yield Remark(f"{shown}; {way}", required=True)


def _kinds(source: str, path: str, line: str, number: int) -> Iterator[str]:
    if any(not _is_made_up(found[0]) for found in _KEYS.finditer(line)):
        yield "API key"
    for detector in _detectors():
        for found in detector.analyze_line(path, line, number):
            if not _is_example(found.type, found.secret_value or "", source, line):
                yield found.type


def _is_example(kind: str, value: str, source: str, line: str) -> bool:
    if kind == "Private Key":
        return not _PEM_BODY.search(source[source.find(line) :][:400])  # a header alone is a constant of the format
    if kind == "Basic Auth Credentials":
        return bool(_NO_HOST.search(line) or _NO_PASSWORD.search(line))
    return _is_made_up(value) or (kind == "JSON Web Token" and _opens_nothing(value))


def _is_made_up(value: str) -> bool:
    return bool(_MADE_UP.search(value)) or len(set(value.rpartition("-")[2])) <= _FEW


def _opens_nothing(token: str) -> bool:
    """Return whether a token has expired, or is that of the documentation of JSON Web Tokens."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return claims.get("sub") == "1234567890" or float(claims.get("exp", "inf")) < time.time()
    except (ValueError, IndexError, AttributeError, TypeError):
        return False


@cache
def _detectors() -> list[Any]:
    """Return the detectors that know the shape of a key; those that guess from entropy or names are too often wrong."""
    from detect_secrets.plugins import (
        aws,
        azure_storage_key,
        basic_auth,
        github_token,
        gitlab_token,
        jwt,
        openai,
        private_key,
        pypi_token,
        sendgrid,
        slack,
        stripe,
        twilio,
    )

    return [
        aws.AWSKeyDetector(), azure_storage_key.AzureStorageKeyDetector(), basic_auth.BasicAuthDetector(),
        github_token.GitHubTokenDetector(), gitlab_token.GitLabTokenDetector(), jwt.JwtTokenDetector(),
        openai.OpenAIDetector(), private_key.PrivateKeyDetector(), pypi_token.PypiTokenDetector(),
        sendgrid.SendGridDetector(), slack.SlackDetector(), stripe.StripeDetector(), twilio.TwilioKeyDetector(),
    ]  # fmt: skip
