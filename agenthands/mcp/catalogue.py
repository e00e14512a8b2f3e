"""The MCP servers a plan may use: `server.json` files, read, checked and ranked for a request.

Each file is an entry in the format of the official MCP Registry (schema 2025-12-11). What the registry does
not know (the tools and their hash, whether the server needs the network, the day as of which the package index is
queried) is in `_meta` under `EXTENSION`. `probe_catalogue.py` compares it with the servers.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from agenthands.errors import SettingsInvalid
from agenthands.mcp.tool_poisoning import poisoned
from agenthands.schemas.part import SLUG

EXTENSION = "io.agenthands/catalogue"
_SHIPPED = Path(__file__).parent / "servers"
_WEIGHT = 4
_HINT = "Correct the entry, or take it out of the catalogue."
_PKG, _OWN = ("packages", 0), ("_meta", EXTENSION)

# The release forms of PEP 440 and of npm: a range or "latest" would make a build depend on the day it ran.
_VERSIONS = {
    "pypi": re.compile(r"(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?"),
    "npm": re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?"),
}
_PACKAGES = {
    "pypi": re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"),
    "npm": re.compile(r"(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*"),
}
# A bare name: it is joined to the environment's `bin` and must not leave it.
_Script = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
_ToolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}$")]
_Sentence = Annotated[str, Field(min_length=1, max_length=100)]

# Lucene's English stop words: with so few servers, document frequency alone does not identify them.
_STOP = re.compile(
    r"\b(an?|and|are|as|at|be|but|by|for|if|in|into|is|it|no|not|of|on|or|such|that|the|their|then|there|these"
    r"|they|this|to|was|will|with)\b"
)


class ServerTool(NamedTuple):
    """A tool as the server lists it: its name, and the first sentence of its description, if any."""

    name: _ToolName
    description: str = ""


def _plain(value: str) -> str:
    """Return `value` unchanged. Raises ValueError if NAT would alter it in an agent's configuration."""
    if "${" in value or re.search(r"[\\\x00-\x1f\x7f]", value):
        raise ValueError("must hold no backslash, no control character and no ${, which NAT reads as its own")
    return value


class ServerVariable(BaseModel):
    """A value that a server needs from its user; `placeholder` is a harmless one with which the server starts."""

    model_config = ConfigDict(frozen=True, validate_by_alias=True, validate_by_name=True)

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    description: str = ""
    required: bool = Field(default=False, alias="isRequired")
    secret: bool = Field(default=False, alias="isSecret")
    placeholder: Annotated[str, AfterValidator(_plain), Field(pattern=r"^[^${}]*$")] = ""


class CatalogueServer(BaseModel):
    """A server at one version; the first word of `command` is a script in its environment's `bin`.

    The other words may contain `{NAME}`, the value of one of the `settings`.
    """

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern=SLUG)
    title: str
    description: str
    registry: Literal["pypi", "npm"]
    package: str
    version: str
    as_of: str = Field("", pattern=r"^(\d{4}-\d{2}-\d{2})?$")
    licence: str = ""
    command: tuple[Annotated[str, AfterValidator(_plain)], ...]
    environment: tuple[ServerVariable, ...]
    settings: tuple[ServerVariable, ...] = ()
    network: Literal["none", "egress"]
    categories: tuple[str, ...]
    tools: tuple[ServerTool, ...] = Field(min_length=1)
    tools_sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")
    shipped: bool = Field(default=False, exclude=True)
    """Whether it ships with AgentHands, which vetted its version; the packages of other servers are vetted first."""

    @property
    def variables(self) -> tuple[ServerVariable, ...]:
        """Everything that the user provides: the server's environment variables and command-line settings."""
        return (*self.environment, *self.settings)

    def placeholders(self) -> dict[str, str]:
        """Return the placeholder of every variable that has one, by the variable's name."""
        return {each.name: each.placeholder for each in self.variables if each.placeholder}

    def arguments(self, values: Mapping[str, str]) -> list[str]:
        """Return the command line after the script's name, with `values` in place of the settings."""
        names = {each.name for each in self.settings}
        return [
            re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "") if found[1] in names else found[0], word)
            for word in self.command[1:]
        ]


class _Argument(BaseModel):
    # A named argument without a value is a flag; a positional one without a value would be left to the user.
    type: Literal["positional", "named"]
    name: str = ""
    value: str = Field("", validate_default=True)
    variables: dict[str, dict[str, Any]] = {}

    @field_validator("value")
    @classmethod
    def _there(cls, value: str, info: ValidationInfo) -> str:
        if not value and info.data.get("type") != "named":
            raise ValueError("must be given")
        return value


class _Entry(BaseModel):
    """The part of a `server.json` that is read: only its first package counts."""

    title: _Sentence
    description: _Sentence
    registry: Literal["pypi", "npm"] = Field(validation_alias=AliasPath(*_PKG, "registryType"))
    transport: Literal["stdio"] = Field(validation_alias=AliasPath(*_PKG, "transport", "type"))
    package: str = Field(validation_alias=AliasPath(*_PKG, "identifier"))
    version: str = Field(validation_alias=AliasPath(*_PKG, "version"))
    words: list[_Argument] = Field([], validation_alias=AliasPath(*_PKG, "packageArguments"))
    environment: list[ServerVariable] = Field([], validation_alias=AliasPath(*_PKG, "environmentVariables"))
    script: _Script = Field(validation_alias=AliasPath(*_OWN, "command"))
    network: str = Field(validation_alias=AliasPath(*_OWN, "network"))
    categories: list[str] = Field(validation_alias=AliasPath(*_OWN, "categories"))
    tools: list[ServerTool] = Field(validation_alias=AliasPath(*_OWN, "tools"))
    tools_sha256: str = Field("", validation_alias=AliasPath(*_OWN, "tools_sha256"))
    as_of: str = Field("", validation_alias=AliasPath(*_OWN, "as_of"))
    licence: str = Field("", validation_alias=AliasPath(*_OWN, "licence"))

    @field_validator("package", "version")
    @classmethod
    def _pinned(cls, value: str, info: ValidationInfo) -> str:
        patterns = _PACKAGES if info.field_name == "package" else _VERSIONS
        pattern = patterns.get(info.data.get("registry", ""))
        if pattern is not None and not pattern.fullmatch(value):
            raise ValueError("must be one package" if info.field_name == "package" else "must be one exact version")
        return value


def load_catalogue(
    extra: Path | None = None, documents: Mapping[str, object] | None = None
) -> dict[str, CatalogueServer]:
    """Return the shipped servers and the user's, which override them, by id.

    The user's come from the folder `extra`, or from `documents`: entries that were read before, by id. Raises
    SettingsInvalid for a missing folder, and for an invalid entry, which it names.
    """
    if extra is not None and not extra.is_dir():
        raise SettingsInvalid(f"{extra}: no such folder of MCP servers", "Create it, or drop the setting.")
    folders = [_SHIPPED] if extra is None else [_SHIPPED, extra]
    found = {path.stem: _read(path) for folder in folders for path in sorted(folder.glob("*.json"))}
    return found | {name: server_of(name, entry) for name, entry in (documents or {}).items()}


def server_of(name: str, document: object, place: str = "") -> CatalogueServer:
    """Return the server `name` from a `server.json` document. Raises SettingsInvalid, which names `place`."""
    try:
        entry = _Entry.model_validate(document)
        words = [word for argument in entry.words for word in (argument.name, argument.value) if word]
        settings = [{"name": key, **value} for argument in entry.words for key, value in argument.variables.items()]
        fields = {**dict(entry), "id": name, "command": (entry.script, *words), "settings": settings}
        server = CatalogueServer.model_validate(fields)
    except ValidationError as error:
        reasons = [f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors()]
        raise SettingsInvalid(f"{place or name}: no usable MCP server entry: {'; '.join(reasons)}", _HINT) from error
    # The planner reads these texts; the server's own texts are checked when it is started.
    texts = [{"name": server.title, "description": server.description}, *(tool._asdict() for tool in server.tools)]
    if found := poisoned(texts):
        reason = f"a text of {found[0].tool!r} instructs the model ({found[0].rule}): {found[0].quote!r}"
        raise SettingsInvalid(f"{place or name}: no usable MCP server entry: {reason}", _HINT)
    return server


def _read(path: Path) -> CatalogueServer:
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise SettingsInvalid(f"{path}: no usable MCP server entry: it is not JSON: {error}", _HINT) from error
    except OSError as error:
        raise SettingsInvalid(f"{path}: cannot be read: {error.strerror}") from error
    server = server_of(path.stem, document, str(path))
    return server.model_copy(update={"shipped": path.parent == _SHIPPED})


def rank_servers(catalogue: dict[str, CatalogueServer], request: str, limit: int) -> list[CatalogueServer]:
    """Return at most `limit` servers, those that match the request best first; ties are in the order of ids.

    Servers that share no word with the request come last instead of being left out, because a model that reads the
    descriptions may see a match that words do not show. The score is BM25 (Robertson and Zaragoza 2009, "The
    Probabilistic Relevance Framework: BM25 and Beyond") with Lucene's idf, which is never negative.
    """
    k1, b = 1.2, 0.75
    # As in BM25F: the server's own fields weigh more than the texts of its many tools.
    written = {
        key: [*([s.title, s.description, *s.categories] * _WEIGHT), *chain(*s.tools)] for key, s in catalogue.items()
    }
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
    # A plural matches its singular: the two rules of Harman's S-stemmer (1991) that matter here.
    words = re.findall(r"[a-z0-9]+", _STOP.sub(" ", text.lower()))
    return [re.sub(r"(?<![us])s$", "", re.sub(r"(?<![ae])ies$", "y", word)) for word in words]
