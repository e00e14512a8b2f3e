"""Findings of real weight in a module: ruff, bandit's rules as ruff has them, and secrets."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

from ruff import find_ruff_bin  # type: ignore[import-untyped]

# pyflakes, bugbear, bandit, blocking calls in async code, pylint's errors, bare except
_RULES = "E9,F,B,S,ASYNC,PLE,E722"
# What no tool is worse for: unused names, `raise ... from`, zip without strict, calls in defaults, random numbers that
# guard nothing, asserts.
_LIGHT = "F401,F841,B904,B905,B008,B007,B010,B009,S311,S101"
_IN_TESTS = "S105,S106,S108,B011,B015,B017,B018,PLE"
_KEYS = re.compile(
    r"AIza[0-9A-Za-z_-]{35}|sk-[A-Za-z0-9_-]{20,}|nvapi-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,}|xai-[A-Za-z0-9]{20,}"
)


def lint(source: str, path: str, *, is_tests: bool) -> list[str]:
    """Give ruff's findings as `path:line: code message`; `path` is a name only, nothing is read or written there."""
    ignored = f"{_LIGHT},{_IN_TESTS}" if is_tests else _LIGHT
    argv = [find_ruff_bin(), "check", "--isolated", "--no-cache", "--ignore-noqa", "--target-version", "py312"]
    argv += [
        "--output-format",
        "json",
        "--exit-zero",
        "--select",
        _RULES,
        "--ignore",
        ignored,
        "--stdin-filename",
        path,
    ]
    ran = subprocess.run([*argv, "-"], input=source.encode(), capture_output=True, timeout=60, check=True)
    found = json.loads(ran.stdout)
    return [f"{path}:{each['location']['row']}: {each['code']} {each['message']}" for each in found]


def secrets(source: str, path: str) -> Iterator[str]:
    """Say in which lines something looks like a key; the key itself is not repeated."""
    detectors = _detectors()
    for number, line in enumerate(source.splitlines(), 1):
        kinds = {found.type for each in detectors for found in each.analyze_line(path, line, number)}
        kinds |= {"API key"} if _KEYS.search(line) else set()
        if kinds:
            yield f"{path}:{number}: this looks like a secret ({', '.join(sorted(kinds))}); take it out."


@cache
def _detectors() -> list[Any]:
    """Give the detectors that know the shape of a key; those that guess from entropy or names are too often wrong."""
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
