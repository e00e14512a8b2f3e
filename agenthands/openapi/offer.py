"""What the planner is shown of the described APIs: the operations that fit the request best, the others by name."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agenthands._util.formatting import one_line
from agenthands.mcp.ranking import fold
from agenthands.openapi.catalogue import ApiCatalogue, Listed
from agenthands.openapi.compiling import Compiled, outline
from agenthands.openapi.document import CannotCompile
from agenthands.openapi.samples import Samples
from agenthands.openapi.shapes import about
from agenthands.openapi.specification import as_text, sample_answer, sample_arguments

SHOWN, NAMED = 30, 400
_LONGEST_EXAMPLE = 420
_NAME, _SUMMARY, _REST = 3.0, 1.5, 0.5
_STOP = {"a", "an", "and", "the", "of", "to", "for", "in", "on", "is", "that", "with", "agent", "want", "api", "my",
         "me", "it", "by", "or", "which", "can", "tell", "all", "from", "get", "list"}  # fmt: skip


@dataclass(frozen=True)
class ShownOperation:
    """An operation as the planner reads it; `mark` says what it does beyond reading."""

    name: str
    api: str
    where: str
    mark: str
    description: str
    arguments: Sequence[str]
    answers: str
    example: str


@dataclass(frozen=True)
class ApiOffer:
    """The operations that fit best, the names of others with what each is, and how many are not even named."""

    shown: Sequence[ShownOperation]
    named: Sequence[tuple[str, str]]
    unnamed: int


def offer_operations(apis: ApiCatalogue, request: str) -> ApiOffer:
    """Return what to show for a request: all operations where they are few, else those whose words it has."""
    ranked = rank_operations(apis.operations, request)
    shown: list[ShownOperation] = []
    rest: list[Listed] = []
    for listed in ranked:
        if len(shown) < SHOWN:
            try:
                shown.append(_shown(listed, apis.compiled(listed.name)))
            except CannotCompile:
                continue
        else:
            rest.append(listed)
    named = [(each.name, f"{each.raw.method} {each.raw.path}") for each in rest[:NAMED]]
    return ApiOffer(shown, named, len(rest) - len(named))


def rank_operations(operations: Mapping[str, Listed], request: str) -> list[Listed]:
    """Return all operations, those first that share the rarest words with the request; ties: the shortest path first.

    Words are those of the description, so a request in another language finds what has names in common with it.
    """
    texts = {name: _texts(each) for name, each in operations.items()}
    holders = Counter(word for each in texts.values() for word in {word for part in each for word in part})
    words = _terms(request)

    def score(name: str) -> float:
        called, summed, rest = texts[name]
        total = 0.0
        for word in words & holders.keys():
            weight = math.log(1 + len(texts) / holders[word])
            total += weight * (_NAME * (word in called) or _SUMMARY * (word in summed) or _REST * (word in rest))
        return total

    def place(name: str) -> tuple[float, int, int]:
        path = operations[name].raw.path
        return -score(name), path.count("/") + path.count("{"), len(path)

    return [operations[name] for name in sorted(operations, key=place)]


def _texts(listed: Listed) -> tuple[set[str], set[str], set[str]]:
    said = listed.raw.said
    tags = " ".join(str(each) for each in said.get("tags") or [] if isinstance(each, str))
    return (
        _terms(f"{listed.name} {listed.raw.path}"),
        _terms(f"{said.get('summary') or ''} {tags}"),
        _terms(about(said.get("description"), 400)),
    )


def _terms(text: str) -> set[str]:
    words = [word for word in re.findall(r"\w+", fold(text.replace("_", " "))) if word not in _STOP and len(word) > 1]
    return {re.sub(r"(?<![us])s$", "", re.sub(r"(?<![ae])ies$", "y", word)) for word in words}


def _shown(listed: Listed, compiled: Compiled) -> ShownOperation:
    does, samples = compiled.operation.does, Samples(listed.document)
    required = compiled.parameters["required"]
    arguments = [
        f"{name}{'' if name in required else '?'}: {_kind(shape)}"
        + (f" - {one_line(shape['description'], 120)}" if shape.get("description") else "")
        for name, shape in compiled.parameters["properties"].items()
        if name != "max_pages"
    ]
    given = sample_arguments(samples, compiled, 1, everything=False)
    answer = one_line(as_text(sample_answer(samples, compiled, 1)), _LONGEST_EXAMPLE)
    return ShownOperation(
        name=listed.name,
        api=listed.document.title,
        where=f"{compiled.operation.method} {compiled.operation.path}",
        mark="" if does == "reads" else does,
        description=one_line(about(listed.raw.said.get("summary") or listed.raw.said.get("description")), 160),
        arguments=arguments[:25],
        answers="text" if compiled.is_text else outline(compiled.answer),
        example=f"{as_text(given)} -> {compiled.status} {answer}",
    )


def _kind(shape: Mapping[str, Any]) -> str:
    if "enum" in shape:
        choices = [str(each) for each in shape["enum"]]
        return " or ".join(choices) if len(choices) <= 12 else f"one of {', '.join(choices[:12])}, ..."
    kind = str(shape.get("type", "anything"))
    if kind == "array":
        return f"[{_kind(shape.get('items') or {})}]"
    if kind == "object" and shape.get("properties"):
        return outline(shape, 200)
    low, high = shape.get("minimum"), shape.get("maximum")
    bounds = ([] if low is None else [f"from {low}"]) + ([] if high is None else [f"up to {high}"])
    return " ".join([kind, *bounds])
