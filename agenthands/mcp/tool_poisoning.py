"""Rules against tool poisoning: text in an MCP tool that instructs the model instead of describing the tool.

Everything that a server lists reaches the model's context, whether the tool is called or not: names, descriptions, and
all texts in the schemas (Invariant Labs, "Tool Poisoning Attacks", 2025; CyberArk, "Poison Everywhere", 2025; SAFE-MCP
T1001). The rules find known and blunt attacks. They do not prove a server harmless; the pinned hash of its tools shows
that nothing has changed since a person reviewed them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Finding(NamedTuple):
    """A match of a rule in the texts of a tool; `quote` is safe to show."""

    rule: str
    tool: str
    quote: str


# Every repetition is bounded, or cannot begin again inside itself: a server could send what never ends otherwise.
_WORDS = re.IGNORECASE | re.DOTALL
_REACH = r"[^.!?]{0,60}?"
# Text hidden from a human reader; a zero-width joiner inside an emoji does not count.
_RAW = {
    "hidden characters": re.compile(
        "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
        "\U000e0000-\U000e01ef]|(?<![\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])\u200d"
    ),
    "control characters": re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"),
    "text pushed out of sight": re.compile(r"[ \t\u00a0\u3000]{150}|(?:\n[ \t]*){15}"),
    "encoded blob": re.compile(r"[A-Za-z0-9+/_-]{160,}|(?:\\x[0-9a-fA-F]{2}){8}|(?:\\u[0-9a-fA-F]{4}){8}"),
}
# The longest honest description in the catalogue has about 9,000 characters.
_LONGEST = 20_000
_SAID = {
    "instruction tag": re.compile(
        r"<\s{0,9}/?\s{0,9}(?:important|system|instructions?|secret|hidden|critical|assistant|admin|override|prompt)\b[^>]{0,80}>"
        r"|<\|[a-z_]{2,30}\|>|\[/?inst\]|<!--|^[ \t]{0,9}#{1,6}\s{0,9}(?:system|instructions?)\s{0,9}:?\s{0,9}$"
        r"|\b(?:system|hidden|secret)[ _-](?:instruction|directive|override)s?\s*:",
        _WORDS | re.MULTILINE,
    ),
    "overrides other instructions": re.compile(
        r"\b(?:ignore|disregard|forget|override|bypass)\b"
        + _REACH
        + r"\b(?:previous|prior|above|earlier|preceding|other"
        r"|all|any|your|system)\b" + _REACH + r"\b(?:instructions?|prompts?|rules|directives?|guidelines|safety)\b",
        _WORDS,
    ),
    "keeps something from the user": re.compile(
        r"\b(?:do not|don't|never|must not|without|avoid)\b"
        + _REACH
        + r"\b(?:tell|inform|mention|reveal|notify|disclos"
        r"|alert|let)(?:e|ing|ling)?\b" + _REACH + r"\b(?:users?|humans?|anyone|anybody|developer)\b"
        r"|\bdo not mention (?:that )?you\b",
        _WORDS,
    ),
    "names sensitive files": re.compile(
        r"(?:~|\$home|/root|/home/[a-z]+)/\.(?:ssh|aws|gnupg|cursor|claude|netrc|npmrc|docker|kube|config/gcloud)\b"
        r"|\bid_(?:rsa|dsa|ecdsa|ed25519)\b|/etc/(?:passwd|shadow|sudoers)\b|\.cursor/mcp\.json|claude_desktop_config",
        _WORDS,
    ),
    "asks for secrets": re.compile(
        r"(?<!not )(?<!never )(?<!n't )\b(?:pass|send|include|append|attach|forward|upload|leak|exfiltrate|dump)\b"
        + _REACH
        + r"\b(?:passwords?|credentials|private keys?|ssh keys?|secrets|system prompt|environment variables"
        r"|(?:conversation|chat) history|(?:entire|whole|full) conversation)\b",
        _WORDS,
    ),
    "gives orders about other tools": re.compile(
        r"\b(?:before|after|instead of|when(?:ever)?)\b" + _REACH + r"\b(?:any|every|all|each) other tools?\b"
        r"|\bother (?:servers?'?s?|tools?) (?:are|is) (?:deprecated|insecure|forbidden|not allowed)\b",
        _WORDS,
    ),
}


def poisoned(tools: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Return the findings in tools as a server lists them, at most one for each rule and tool."""
    found: dict[tuple[str, str], Finding] = {}
    for tool in tools:
        name = str(tool.get("name", ""))
        for text in _texts(tool):
            for rule, quote in _matches(text):
                found.setdefault((rule, name), Finding(rule, ascii(name)[1:-1], quote))
    return list(found.values())


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, including keys: the model reads them all."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _matches(text: str) -> Iterator[tuple[str, str]]:
    if len(text) > _LONGEST:
        yield "too long to be read", f"{len(text):,} characters"
        text = text[: 10 * _LONGEST]
    for rule, pattern in _RAW.items():
        if match := pattern.search(text):
            yield rule, _quoted(text, match.start())
    # To a model, full-width letters and soft hyphens spell the same words.
    plain = re.sub(r"[\u00ad\u200b-\u200f\u2060\ufeff]", "", unicodedata.normalize("NFKC", text))
    plain = plain.replace("\u2019", "'")
    for rule, pattern in _SAID.items():
        if match := pattern.search(plain):
            yield rule, _quoted(plain, match.start())


def _quoted(text: str, position: int) -> str:
    return ascii(" ".join(text[max(0, position - 20) : position + 100].split(" ")))[1:-1][:160]
