"""Names of tools, arguments and keys, made from what a description calls its operations, parameters and schemes."""

from __future__ import annotations

import hashlib
import keyword
import re
from collections.abc import Collection, Iterable

LONGEST_TOOL = 49
_TAKEN = {"model_config", "self", "data", "config", "copy", "dict", "json", "schema", "validate", "construct",
          "parse_obj", "parse_raw", "parse_file", "from_orm", "schema_json", "update_forward_refs", "fields",
          "max_pages"}  # fmt: skip
_OF_EVERY_API = {"api", "rest", "the", "web", "public", "openapi", "swagger", "specification", "spec", "service", "v1",
                 "v2", "v3", "http", "https", "reference", "documentation", "of", "and", "for", "with"}  # fmt: skip


def snake(text: str) -> str:
    """Return a text in lower case, its words joined by `_`."""
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", text)
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def tool_name(operation_id: str, method: str, path: str, taken: Collection[str] = ()) -> str:
    """Return a tool's name that is not among those `taken`: the operation's id, else its method and path."""
    named = snake(operation_id) or snake(f"{method} {path.replace('{', 'by ')}")
    named = named if re.match(r"[a-z]", named) and len(named) > 1 else f"call_{named}".rstrip("_")
    named = _short(named, f"{method} {path}")
    if named in taken or keyword.iskeyword(named):
        named = _short(snake(f"{named} {method}"), f"{method} {path}")
    if named in taken:
        mark = hashlib.sha256(f"{method} {path}".encode()).hexdigest()[:5]
        named = f"{named[: LONGEST_TOOL - 6]}_{mark}"
    return named


def _short(name: str, seed: str) -> str:
    if len(name) <= LONGEST_TOOL:
        return name
    return f"{name[: LONGEST_TOOL - 6].rstrip('_')}_{hashlib.sha256(seed.encode()).hexdigest()[:5]}"


def argument_name(name: str, taken: Collection[str]) -> str:
    """Return the name of an argument, an identifier that is not among those `taken`."""
    found = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:50].strip("_") or "value"
    found = found if re.match(r"[A-Za-z]", found) else f"n_{found}"
    if keyword.iskeyword(found) or found in _TAKEN or found.startswith("model_"):
        found = f"{found}_"
        found = f"the_{found}" if found.startswith("model_") else found
    number, first = 2, found
    while found in taken:
        found, number = f"{first}_{number}", number + 1
    return found


def key_prefix(title: str) -> str:
    """Return how the variables with an API's keys begin, from what it is called."""
    words = [word for word in snake(title).split("_") if word not in _OF_EVERY_API and not word.isdigit()][:3]
    prefix = "_".join(words).upper()[:30].strip("_")
    return prefix if re.match(r"[A-Z]", prefix) and not prefix.startswith("MODEL") else f"API_{prefix}".rstrip("_")


def key_name(prefix: str, words: str) -> str:
    """Return the variable of a key: the prefix, and what the scheme's header or kind is called."""
    named = snake(re.sub(r"^x-", "", words, flags=re.IGNORECASE)).upper()
    whole = named if named.startswith(f"{prefix}_") else f"{prefix}_{named}"
    return whole[:60].strip("_")


def unique(names: Iterable[str]) -> list[str]:
    """Return names once each, in their order."""
    return list(dict.fromkeys(names))
