"""Reads one entry of the official MCP Registry (`server.json`, schema 2025-12-11): all that it says of how a server is
started is applied, or refused in plain words.

What the registry does not know is in `_meta` under `EXTENSION`: the tools with what they do and their hash, whether
the server needs the network, which variables are paths, the day as of which the package index is queried.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AliasPath, BaseModel, Field, ValidationError, ValidationInfo, field_validator

from agenthands.errors import SettingsInvalid
from agenthands.mcp.catalogue_server import CatalogueServer, ServerTool, ServerVariable
from agenthands.mcp.tool_poisoning import poisoned
from agenthands.schemas import Effect
from agenthands.schemas.part import CALLABLE

EXTENSION = "io.agenthands/catalogue"
ENTRY_HINT = "Correct the entry, or take it out of the catalogue."
_PKG, _OWN = ("packages", 0), ("_meta", EXTENSION)
_CALLABLE = re.compile(CALLABLE)
_LONGEST_NAME = 64

# The release forms of PEP 440 and of npm: a range or "latest" would make a build depend on the day it ran.
_VERSIONS = {
    "pypi": re.compile(r"(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?"),
    "npm": re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?"),
}
_PACKAGES = {
    "pypi": re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"),
    "npm": re.compile(r"(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*"),
}
# What npx is told before it installs anything without asking; here nothing asks.
_HARMLESS_RUNTIME = ({"name": "-y"}, {"name": "--yes"}, {"value": "-y"}, {"value": "--yes"})
# A bare name: it is joined to the environment's `bin` and must not leave it.
_Script = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
_Sentence = Annotated[str, Field(min_length=1, max_length=100)]


class _Path(BaseModel):
    kind: Literal["folder", "file"]
    written: bool = False


class _Tool(BaseModel):
    name: str = Field(min_length=1, max_length=128)
    description: str = ""
    does: Effect | Literal[""] = ""
    same_as: str = ""

    @field_validator("name")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must be one line of plain text")
        return value


class _Entry(BaseModel):
    """The part of a `server.json` that is read: of its packages, the first that can be run."""

    title: _Sentence
    description: _Sentence
    registry: Literal["pypi", "npm"] = Field(validation_alias=AliasPath(*_PKG, "registryType"))
    package: str = Field(validation_alias=AliasPath(*_PKG, "identifier"))
    version: str = Field(validation_alias=AliasPath(*_PKG, "version"))
    script: _Script = Field(validation_alias=AliasPath(*_OWN, "command"))
    network: str = Field(validation_alias=AliasPath(*_OWN, "network"))
    categories: list[str] = Field(validation_alias=AliasPath(*_OWN, "categories"))
    tools: list[_Tool] = Field(validation_alias=AliasPath(*_OWN, "tools"))
    tools_sha256: str = Field("", validation_alias=AliasPath(*_OWN, "tools_sha256"))
    as_of: str = Field("", validation_alias=AliasPath(*_OWN, "as_of"))
    licence: str = Field("", validation_alias=AliasPath(*_OWN, "licence"))
    read_only: dict[str, str] = Field({}, validation_alias=AliasPath(*_OWN, "read_only"))
    paths: dict[str, _Path] = Field({}, validation_alias=AliasPath(*_OWN, "paths"))

    @field_validator("package", "version")
    @classmethod
    def _pinned(cls, value: str, info: ValidationInfo) -> str:
        patterns = _PACKAGES if info.field_name == "package" else _VERSIONS
        pattern = patterns.get(info.data.get("registry", ""))
        if pattern is not None and not pattern.fullmatch(value):
            raise ValueError("must be one package" if info.field_name == "package" else "must be one exact version")
        return value


def server_of(name: str, document: object, place: str = "") -> CatalogueServer:
    """Return the server `name` from a `server.json` document. Raises SettingsInvalid, which names `place`."""
    try:
        server = _server(name, document)
    except ValidationError as error:
        reasons = [f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors()]
        raise _unusable(place or name, "; ".join(reasons)) from error
    except _Refused as error:
        raise _unusable(place or name, str(error)) from None
    # The planner reads these texts; the server's own texts are checked when it is started.
    texts = [{"name": server.title, "description": server.description}, *(tool._asdict() for tool in server.tools)]
    texts += [{"name": each.name, "description": each.description} for each in server.variables]
    if found := poisoned(texts):
        reason = f"a text of {found[0].tool!r} instructs the model ({found[0].rule}): {found[0].quote!r}"
        raise _unusable(place or name, reason)
    return server


class _Refused(Exception):
    """What an entry asks for and is not done, in a sentence."""


def _unusable(place: str, reason: str) -> SettingsInvalid:
    return SettingsInvalid(f"{place}: no usable MCP server entry: {reason}", ENTRY_HINT)


def _server(name: str, document: object) -> CatalogueServer:
    if isinstance(document, Mapping):
        document = {**document, "packages": [_runnable(document)]}
    entry = _Entry.model_validate(document)
    package = document["packages"][0] if isinstance(document, Mapping) else {}
    for argument in _inputs(package, "runtimeArguments"):
        if {key: argument[key] for key in ("name", "value") if argument.get(key)} not in _HARMLESS_RUNTIME:
            raise _Refused(
                "packages.0.runtimeArguments: AgentHands starts the installed program itself, without npx, uvx or "
                "docker, so what those are told cannot be kept; move what the server needs to packageArguments"
            )
    words, settings = _words(_inputs(package, "packageArguments"))
    environment, fixed, more = _environment(_inputs(package, "environmentVariables"))
    fields = {
        **{key: value for key, value in dict(entry).items() if key in CatalogueServer.model_fields},
        "id": name,
        "command": (entry.script, *words),
        "environment": [_with_path(each, entry.paths) for each in environment],
        "settings": [_with_path(each, entry.paths) for each in [*settings, *more]],
        "fixed": fixed,
        "tools": _called(name, entry.tools),
    }
    server = CatalogueServer.model_validate(fields)
    names = [tool.name for tool in entry.tools]
    if twice := sorted({each for each in names if names.count(each) > 1}):
        raise _Refused(f"_meta.{EXTENSION}.tools: {', '.join(map(repr, twice))} is listed more than once")
    if strangers := entry.paths.keys() - {each.name for each in server.variables}:
        raise _Refused(f"_meta.{EXTENSION}.paths: there is no variable {', '.join(sorted(strangers))}")
    return server


def _runnable(document: Mapping[str, Any]) -> Any:
    """Return the first package that can be run here, or the first one. Raises _Refused where none can, and says why."""
    packages = document.get("packages")
    if not isinstance(packages, list) or not packages:
        if document.get("remotes"):
            raise _Refused("it is a service on the network (remotes); only servers that are installed and started run")
        return {}
    reasons = [_why_not(package) for package in packages]
    if all(reasons):
        raise _Refused(reasons[0])
    return packages[reasons.index("")]


def _why_not(package: Any) -> str:
    """Return in plain words why a package is none that runs here; empty for one that may, or has other faults."""
    if not isinstance(package, Mapping):
        return ""
    if (kind := package.get("registryType")) in ("oci", "nuget", "cargo", "mcpb"):
        return f"packages.0.registryType: it comes as {kind}; only packages of pypi and npm are installed"
    transport = package.get("transport")
    kind = transport.get("type") if isinstance(transport, Mapping) else None
    if kind in ("streamable-http", "sse"):
        return f"packages.0.transport.type: it is reached over HTTP ({kind}); only servers on stdio are started"
    return "" if kind == "stdio" else "packages.0.transport.type: must be stdio"


def _inputs(package: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    """Return the arguments or variables of a package. Raises _Refused for what is no list of mappings."""
    found = package.get(kind) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise _Refused(f"packages.0.{kind}: must be a list of objects")
    return found


def _words(arguments: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[ServerVariable]]:
    """Return the words of the command line after the program, and the settings that they hold.

    A named argument without a value is a flag, unless a hint says that a value belongs to it: then it is left out, or
    asked of the user where it is required.
    """
    words: list[str] = []
    settings: list[ServerVariable] = []
    for number, argument in enumerate(arguments):
        where = f"packages.0.packageArguments.{number}"
        named = argument.get("type") == "named"
        if argument.get("type") not in ("named", "positional"):
            raise _Refused(f"{where}.type: must be positional or named")
        value, known = _value(argument, where)
        settings += known
        hint = argument.get("valueHint")
        if not value and (not named or hint) and argument.get("isRequired", not named):
            raise _Refused(
                f"{where}.value: must be given, such as {{{_variable(hint or argument.get('name', ''))}}} with that "
                f"name in variables, where the user is to choose it"
            )
        if named and (value or not hint):
            words.append(_text(argument.get("name"), f"{where}.name"))
        if value:
            words.append(value)
    return words, settings


def _value(given: Mapping[str, Any], where: str) -> tuple[str, list[ServerVariable]]:
    """Return an input's fixed value or default, and the variables in it."""
    value = given.get("value")
    value = given.get("default") if value in (None, "") else value
    variables = given.get("variables") or {}
    if not isinstance(variables, dict) or not all(isinstance(each, dict) for each in variables.values()):
        raise _Refused(f"{where}.variables: must be objects by name")
    return _text(value, f"{where}.value") if value not in (None, "") else "", [
        _asked_of_the_user(name, each, f"{where}.variables") for name, each in variables.items()
    ]


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool) or not str(value):
        raise _Refused(f"{where}: must be text")
    return str(value)


def _variable(hint: object) -> str:
    return re.sub(r"\W+", "_", str(hint)).strip("_").upper() or "NAME"


def _asked_of_the_user(name: Any, given: Mapping[str, Any], where: str) -> ServerVariable:
    """Return a variable; a path where the registry's `format` says so. Raises _Refused for a wrong one."""
    known = ("description", "isRequired", "isSecret", "placeholder", "default", "choices")
    fields = {"name": name, **{key: given[key] for key in known if given.get(key) is not None}}
    try:
        return ServerVariable.model_validate(fields | ({"path": "file"} if given.get("format") == "filepath" else {}))
    except ValidationError as error:
        first = error.errors()[0]
        raise _Refused(f"{where}.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _environment(
    given: Sequence[Mapping[str, Any]],
) -> tuple[list[ServerVariable], dict[str, str], list[ServerVariable]]:
    """Return the variables that the user provides, the fixed ones by name, and the settings that those hold."""
    asked, fixed, settings = [], {}, []
    for number, variable in enumerate(given):
        where = f"packages.0.environmentVariables.{number}"
        name = variable.get("name")
        if variable.get("value") in (None, ""):
            asked.append(_asked_of_the_user(name, variable, where))
            continue
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise _Refused(f"{where}.name: {name!r} is no name of a variable")
        fixed[name], known = _value(variable, where)
        settings += known
    return asked, fixed, settings


def _with_path(variable: ServerVariable, paths: Mapping[str, _Path]) -> ServerVariable:
    path = paths.get(variable.name)
    return variable.model_copy(update={"path": path.kind, "written": path.written}) if path else variable


def _called(server: str, tools: Sequence[_Tool]) -> Iterator[ServerTool]:
    """Yield the tools under names that a model's provider takes: `<server>__<name>` has 64 plain characters at most."""
    for tool in tools:
        name = callable_name(server, tool.name)
        same_as = callable_name(server, tool.same_as) if tool.same_as else ""
        yield ServerTool(name, tool.description, tool.does, same_as, "" if name == tool.name else tool.name)


def callable_name(server: str, tool: str) -> str:
    """Return the name of a server's tool in plans and in NAT; an alias, stable and unique, where its own is refused."""
    if _CALLABLE.fullmatch(f"{server}__{tool}"):
        return tool
    digest = hashlib.sha256(tool.encode()).hexdigest()[:6]
    kept = re.sub(r"[^A-Za-z0-9_-]+", "_", tool).strip("_")[: _LONGEST_NAME - len(server) - 2 - len(digest) - 1]
    return f"{kept or 'tool'}_{digest}"
