"""Which servers of the catalogue fit a request, in whatever language it is written: few, the best first.

The words of a request are looked up twice: in `topics.toml`, which says in several languages what people call the
things that categories stand for, and in the servers' own English texts. A word counts as much as it tells servers
apart (idf). No model is asked, and nothing is downloaded.
"""

from __future__ import annotations

import math
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agenthands.mcp.catalogue_server import CatalogueServer

_TOPICS = Path(__file__).parent / "topics.toml"
# A name says most, then what a server is for; words that only its tools mention say little.
_NAME, _CATEGORY, _DESCRIPTION, _TOOL = 3.0, 2.0, 1.0, 0.2
# What is shown fits at least half as well as the best. Without its name or a category in the request it takes two rare
# words of its texts: any single one is in some description by chance.
_OF_THE_BEST, _BY_WORDS_ALONE = 0.5, 5.0

# Lucene's English stop words, and what every request for an agent says, or does with any server.
_STOP = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "for",
        "if",
        "in",
        "into",
        "is",
        "it",
        "no",
        "not",
        "of",
        "on",
        "or",
        "such",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "will",
        "with",
        "agent",
        "assistant",
        "want",
        "need",
        "help",
        "please",
        "should",
        "can",
        "could",
        "would",
        "you",
        "your",
        "we",
        "our",
        "my",
        "me",
        "i",
        "it",
        "its",
        "which",
        "who",
        "what",
        "when",
        "where",
        "how",
        "from",
        "about",
        "all",
        "any",
        "each",
        "every",
        "per",
        "make",
        "give",
        "get",
        "gets",
        "tell",
        "say",
        "says",
        "show",
        "find",
        "finds",
        "look",
        "read",
        "reads",
        "write",
        "writes",
        "use",
        "uses",
        "using",
        "answer",
        "answers",
        "question",
        "questions",
        "user",
        "users",
        "work",
        "works",
        "data",
        "information",
        "list",
        "lists",
        "new",
        "latest",
        "current",
        "currently",
        "search",
        "searches",
        "check",
        "checks",
        "one",
        "two",
        "three",
        "day",
        "week",
        "month",
        "year",
        "summarise",
        "summarize",
        "summary",
        "local",
        "needs",
        "path",
        "page",
        "pages",
        "so",
        "text",
        "name",
        "names",
        "create",
        "creates",
        "add",
        "adds",
        "explain",
        "many",
        "other",
        "others",
        "than",
        "more",
        "most",
        "has",
        "have",
        "had",
        "do",
        "does",
        "been",
        "over",
        "through",
        "value",
        "values",
        "number",
        "numbers",
        "result",
        "results",
        "without",
        "only",
        "current",
        "last",
        "next",
        "first",
        "step",
        "steps",
        "time",
        "word",
        "words",
    ]
)
# One of these is in nearly every English sentence, and in hardly any other.
_ENGLISH = frozenset(["the", "and", "with", "that", "from", "which", "between", "their", "this", "our", "your", "into"])
_SPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True)
class Ranking:
    """`shown` fit best, `others` are the rest in the order of ids; `understood` is false where no word was known.

    What is in English, and fits nothing, was understood: its words are looked up in the servers' own texts.
    """

    shown: Sequence[CatalogueServer]
    others: Sequence[CatalogueServer]
    understood: bool


def rank_servers(catalogue: Mapping[str, CatalogueServer], request: str, limit: int) -> Ranking:
    """Return at most `limit` servers that fit the request, the best first; ties are in the order of ids.

    Where no word of the request is known, none is shown, and `others` are all.
    """
    told = fold(request)
    topics = topics_in(told)
    words = set(_terms(told))
    known = {key: _texts(server) for key, server in catalogue.items()}
    scores = {key: _score(texts, topics, words, known.values()) for key, texts in known.items()}
    best = max(scores.values(), default=0.0)
    fit = [key for key, score in scores.items() if score > 0 and score >= best * _OF_THE_BEST]
    shown = sorted(fit, key=lambda key: (-scores[key], _asks(catalogue[key]), key))[: max(limit, 0)]
    others = [catalogue[key] for key in sorted(catalogue.keys() - set(shown))]
    return Ranking([catalogue[key] for key in shown], others, bool(shown or topics) or _is_english(told))


def _is_english(told: str) -> bool:
    return not _ENGLISH.isdisjoint(told.split())


def fold(text: str) -> str:
    """Return `text` for comparisons: one case, without accents or vowel signs, its parts with single spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = re.sub(r"[\u0300-\u036f\u064b-\u0652\u0670\u0640]", "", plain)
    return " ".join(unicodedata.normalize("NFKC", plain).split())


def topics_in(told: str) -> frozenset[str]:
    """Return the topics of `topics.toml` that a folded text names."""
    return frozenset(topic for topic, pattern in _topics().items() if pattern.search(told))


@cache
def _topics() -> dict[str, re.Pattern[str]]:
    """Return a pattern for each topic that finds any of its words."""
    listed = tomllib.loads(_TOPICS.read_text(encoding="utf-8"))
    return {
        topic: re.compile("|".join(_pattern(word.strip()) for words in each.values() for word in words.split(",")))
        for topic, each in listed.items()
    }


def _pattern(word: str) -> str:
    bare = re.escape(fold(word.strip("*")))
    if _SPACED.search(bare):
        return bare
    # Between letters of two scripts, as in "PDFの", there is no boundary in the sense of `\b`.
    edge = "[a-z0-9]" if bare.isascii() else r"\w"
    inner = re.sub(r"\\\*", r"\\w*", bare)
    return ("" if word.startswith("*") else f"(?<!{edge})") + inner + ("" if word.endswith("*") else f"(?!{edge})")


@dataclass(frozen=True)
class _Texts:
    name: frozenset[str]
    categories: frozenset[str]
    description: frozenset[str]
    tools: frozenset[str]


def _texts(server: CatalogueServer) -> _Texts:
    return _Texts(
        frozenset(_terms(fold(f"{server.id} {server.title}"))),
        frozenset(server.categories),
        frozenset(_terms(fold(" ".join((server.description, *server.categories))))),
        frozenset(_terms(fold(" ".join(f"{tool.name} {tool.description}" for tool in server.tools)))),
    )


def _score(texts: _Texts, topics: frozenset[str], words: set[str], every: Iterable[_Texts]) -> float:
    every = list(every)

    def idf(holders: int) -> float:
        return math.log(1 + (len(every) - holders + 0.5) / (holders + 0.5))

    def told(kind: str, found: Iterable[str]) -> float:
        return sum(idf(sum(each in getattr(other, kind) for other in every)) for each in sorted(found))

    named = _CATEGORY * told("categories", topics & texts.categories) + _NAME * told("name", words & texts.name)
    described = _DESCRIPTION * told("description", (words & texts.description) - texts.name)
    described += _TOOL * told("tools", (words & texts.tools) - texts.description - texts.name)
    return named + described if named or described >= _BY_WORDS_ALONE else 0.0


def _terms(folded: str) -> list[str]:
    """Return the words of a folded text that tell something; a plural is its singular.

    The plural is found by the two rules of Harman's S-stemmer (1991) that matter here.
    """
    words = [word for word in re.findall(r"[a-z0-9]+", folded) if word not in _STOP and len(word) > 1]
    return [re.sub(r"(?<![us])s$", "", re.sub(r"(?<![ae])ies$", "y", word)) for word in words]


def _asks(server: CatalogueServer) -> bool:
    """Return whether the user must provide a secret: of two that fit as well, the one that asks for none is first."""
    return any(each.secret and each.required for each in server.variables)
