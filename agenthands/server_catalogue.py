"""The MCP servers a plan may use: `server.json` files, read, checked and ranked for a request.

Each file is an entry in the format of the official MCP Registry (schema 2025-12-11). What the registry does
not know (the tools, whether the server needs the network) stands in `_meta` under `EXTENSION`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AliasPath, BaseModel, ConfigDict, Field, ValidationError

from agenthands.errors import SettingsInvalid
from agenthands.models.plan import SLUG

EXTENSION = "io.agenthands/catalogue"
_SHIPPED = Path(__file__).parent / "catalogue"
_PKG, _OWN = ("packages", 0), ("_meta", EXTENSION)

# The release forms of PEP 440: a range or "latest" would make a build depend on the day it ran.
_Exact = Annotated[str, Field(pattern=r"^(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?$")]
_Package = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")]
# A bare name: it is joined to the environment's `bin` and must not leave it.
_Script = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
_Sentence = Annotated[str, Field(min_length=1, max_length=100)]

# Lucene's English stop words: with so few servers a word's document frequency does not tell that it is one.
_STOP = re.compile(
    r"\b(an?|and|are|as|at|be|but|by|for|if|in|into|is|it|no|not|of|on|or|such|that|the|their|then|there|these"
    r"|they|this|to|was|will|with)\b"
)


class ServerTool(NamedTuple):
    """A tool as the server itself lists it: its name and its description's first sentence, if it has one."""

    name: str
    description: str = ""


class ServerVariable(BaseModel):
    """An environment variable of a server; `placeholder` is a harmless value with which it starts."""

    model_config = ConfigDict(frozen=True, validate_by_alias=True, validate_by_name=True)

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    description: str = ""
    required: bool = Field(default=False, alias="isRequired")
    secret: bool = Field(default=False, alias="isSecret")
    placeholder: str = ""


class CatalogueServer(BaseModel):
    """A server at one version; the first word of `command` is a script in its environment's `bin`."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern=SLUG)
    title: str
    description: str
    package: str
    version: str
    command: tuple[str, ...]
    environment: tuple[ServerVariable, ...]
    network: Literal["none", "egress"]
    categories: tuple[str, ...]
    tools: tuple[ServerTool, ...] = Field(min_length=1)


class _Argument(BaseModel):
    name: str = ""
    value: str


class _Entry(BaseModel):
    """What is read of a `server.json`: only its first package counts."""

    title: _Sentence
    description: _Sentence
    registry: Literal["pypi"] = Field(validation_alias=AliasPath(*_PKG, "registryType"))
    transport: Literal["stdio"] = Field(validation_alias=AliasPath(*_PKG, "transport", "type"))
    package: _Package = Field(validation_alias=AliasPath(*_PKG, "identifier"))
    version: _Exact = Field(validation_alias=AliasPath(*_PKG, "version"))
    arguments: list[_Argument] = Field([], validation_alias=AliasPath(*_PKG, "packageArguments"))
    environment: list[ServerVariable] = Field([], validation_alias=AliasPath(*_PKG, "environmentVariables"))
    script: _Script = Field(validation_alias=AliasPath(*_OWN, "command"))
    network: str = Field(validation_alias=AliasPath(*_OWN, "network"))
    categories: list[str] = Field(validation_alias=AliasPath(*_OWN, "categories"))
    tools: list[ServerTool] = Field(validation_alias=AliasPath(*_OWN, "tools"))


def load_catalogue(extra: Path | None = None) -> dict[str, CatalogueServer]:
    """Read the shipped servers and those of the folder `extra`, which win; the key is a server's id.

    Raises SettingsInvalid for a folder that is not there and for a file that does not fit, naming both.
    """
    if extra is not None and not extra.is_dir():
        raise SettingsInvalid(f"{extra}: no such folder of MCP servers", "Create it, or drop the setting.")
    folders = [_SHIPPED] if extra is None else [_SHIPPED, extra]
    return {path.stem: _read(path) for folder in folders for path in sorted(folder.glob("*.json"))}


def _read(path: Path) -> CatalogueServer:
    try:
        entry = _Entry.model_validate_json(path.read_bytes())
        words = [word for argument in entry.arguments for word in (argument.name, argument.value) if word]
        fields = {**dict(entry), "id": path.stem, "command": (entry.script, *words)}
        return CatalogueServer.model_validate(fields)
    except ValidationError as error:
        reasons = [f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors()]
        hint = "Correct the file, or take it out of the folder."
        raise SettingsInvalid(f"{path}: no usable MCP server entry: {'; '.join(reasons)}", hint) from error
    except OSError as error:
        raise SettingsInvalid(f"{path}: cannot be read: {error.strerror}") from error


def rank_servers(catalogue: dict[str, CatalogueServer], request: str, limit: int) -> list[CatalogueServer]:
    """Give at most `limit` servers, those whose texts fit the request best first; ties in the order of ids.

    Servers that share no word with the request come last rather than not at all: words miss what a model that
    reads the descriptions may still see. The measure is BM25 (Robertson and Zaragoza 2009, "The Probabilistic
    Relevance Framework: BM25 and Beyond") with Lucene's idf, which is never negative.
    """
    k1, b = 1.2, 0.75
    written = {key: [s.title, s.description, *s.categories, *chain(*s.tools)] for key, s in catalogue.items()}
    texts = {key: Counter(_terms(" ".join(parts))) for key, parts in written.items()}
    mean = sum(text.total() for text in texts.values()) / max(len(texts), 1)
    wanted = set(_terms(request))

    def score(text: Counter[str]) -> float:
        total = 0.0
        for term in sorted(wanted & text.keys()):
            holders = sum(term in other for other in texts.values())
            idf = math.log(1 + (len(texts) - holders + 0.5) / (holders + 0.5))
            total += idf * text[term] * (k1 + 1) / (text[term] + k1 * (1 - b + b * text.total() / mean))
        return total

    order = sorted(texts, key=lambda key: (-score(texts[key]), key))
    return [catalogue[key] for key in order[: max(limit, 0)]]


def _terms(text: str) -> list[str]:
    # A plural finds its singular: the two rules of Harman's S-stemmer (1991) that matter here.
    words = re.findall(r"[a-z0-9]+", _STOP.sub(" ", text.lower()))
    return [re.sub(r"(?<![us])s$", "", re.sub(r"(?<![ae])ies$", "y", word)) for word in words]
