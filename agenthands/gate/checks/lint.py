"""Part of the checks `hygiene` and `remarks`: what ruff finds, and which of it is a reason to reject a tool."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ruff import find_ruff_bin  # type: ignore[import-untyped]

# pyflakes, bugbear, bandit, blocking calls in async code, pylint's errors, bare except
_RULES = "E9,F,B,S,ASYNC,PLE,E722"
# What no tool is worse for: unused names, `raise ... from`, zip without strict, calls in defaults, random numbers that
# guard nothing, asserts.
_LIGHT = "F401,F841,B904,B905,B008,B007,B010,B009,S311,S101"
_IN_TESTS = "S105,S106,S108,B011,B015,B017,B018,PLE"
# Code that cannot work, or that lets data run as code, trusts any server, or stops all other tools. All else is a
# matter of style or a guess from a text or a name (SQL, passwords, addresses, MD5, XML without entities).
_WRONG = ("E9", "F50", "F52", "F63", "F7", "F82", "PLE", "invalid-syntax")
_DANGEROUS = ("S102", "S202", "S301", "S302", "S307", "S323", "S501", "S502", "S503", "S506", "S507", "S602", "S604",
              "S605", "S609", "S612", "S702", "ASYNC210", "ASYNC212", "ASYNC220", "ASYNC221", "ASYNC222",
              "ASYNC251")  # fmt: skip
_NOQA = re.compile(r"#\s*(?P<file>ruff:\s*)?(?:noqa|nosec)\s*:?\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)")
_NO_WORDS = re.compile(r"\b(?:noqa|nosec|pylint|disable|type|ignore|fmt|skip|pragma|ruff|[A-Z]+[0-9]+)\b")


@dataclass(frozen=True)
class Remark:
    """Something that was seen in a file. One that is not `required` rejects no tool.

    `text` begins with the path and the line; `reason` is what the code itself says about it.
    """

    text: str
    required: bool
    reason: str = ""


@lru_cache(maxsize=16)
def lint(source: str, path: str, *, is_tests: bool) -> tuple[Remark, ...]:
    """Return ruff's findings; `path` is a name only, nothing is read or written there.

    A `noqa` with the code and a reason, as in `# noqa: S301 - the file is our own`, makes a remark of what is required.
    """
    ignored = f"{_LIGHT},{_IN_TESTS}" if is_tests else _LIGHT
    argv = [find_ruff_bin(), "check", "--isolated", "--no-cache", "--ignore-noqa", "--target-version", "py312"]
    argv += ["--output-format", "json", "--exit-zero", "--select", _RULES, "--ignore", ignored]
    ran = subprocess.run(
        [*argv, "--stdin-filename", path, "-"], input=source.encode(), capture_output=True, timeout=60, check=True
    )
    exempted = Exemptions(source)
    found = []
    for each in json.loads(ran.stdout):
        code, row = each["code"] or "invalid-syntax", each["location"]["row"]
        reason = exempted.reason(code, range(row, max(row, each["end_location"]["row"], each.get("noqa_row") or 0) + 1))
        required = code.startswith(_WRONG) or (not is_tests and code in _DANGEROUS)
        way = f" Where it is right, say why on this line: `# noqa: {code} - ...`." if required and not reason else ""
        said = f"{path}:{row}: {code} {each['message'].rstrip('.')}{'.' if way else ''}{way}"
        found.append(Remark(said, required and not reason, reason))
    return tuple(found)


class Exemptions:
    """Which lines of a file say that a finding does not count there, and why.

    The reason stands in the same comment, or in one right above the line; without it a `noqa` counts for nothing.
    """

    def __init__(self, source: str) -> None:
        """Read the comments of a module."""
        self._comments = _comments(source)
        self._lines = source.splitlines()

    def reason(self, code: str, rows: range) -> str:
        """Return why a finding with this code, in one of these lines, does not count; empty where it does."""
        for row, comment in self._comments.items():
            for found in _NOQA.finditer(comment):
                codes = [each.replace("B", "S", 1) if "nosec" in found[0] else each for each in _split(found["codes"])]
                if any(code == each for each in codes) and (row in rows or found["file"]) and (why := self._why(row)):
                    return why
        return ""

    def _why(self, row: int) -> str:
        own = " ".join(_NO_WORDS.sub(" ", self._comments[row]).strip(" #:,.()-\u2013\u2014").split())
        if _is_reason(own):
            return own
        above = self._comments.get(row - 1, "")
        is_alone = row >= 2 and self._lines[row - 2].lstrip().startswith("#")
        said = above.strip(" #")
        return said if is_alone and "noqa" not in above and _is_reason(said) else ""


def _split(codes: str) -> list[str]:
    return re.split(r"[,\s]+", codes)


def _is_reason(said: str) -> bool:
    return re.search(r"[^\W\d_]{3,}", said) is not None


def _comments(source: str) -> Mapping[int, str]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return {}
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
