"""A description of an API as the compiler looks at it: references followed, Swagger 2 read as OpenAPI 3."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from agenthands.schemas.effects import HOST

METHODS = ("get", "head", "post", "put", "patch", "delete")
DANGLING = "dangling reference"
_DEEPEST = 30
_OF_PARAMETERS = (
    "type", "format", "items", "enum", "default", "minimum", "maximum", "minLength", "maxLength", "pattern",
    "minItems", "maxItems",
)  # fmt: skip


class CannotCompile(Exception):
    """Why an operation, or a whole description, becomes no tool: a code, and a sentence."""

    def __init__(self, kind: str, said: str) -> None:
        """Keep both."""
        super().__init__(said)
        self.kind = kind


@dataclass(frozen=True)
class RawOperation:
    """An operation as it is described; `number` is its place."""

    method: str
    path: str
    item: Mapping[str, Any]
    said: Mapping[str, Any]


class Document:
    """A parsed description; `source` is where it was read, `server` what the user named."""

    def __init__(self, content: Mapping[str, Any], source: str = "", server: str = "") -> None:
        """Take a document that `reading.parsed` has found sound."""
        self.is_swagger = "swagger" in content
        self.content = content
        self.source, self.named_server = source, server
        self.notes: set[str] = set()

    @property
    def title(self) -> str:
        """What the API is called, one line."""
        info = self.content.get("info")
        said = str(info.get("title", "")) if isinstance(info, Mapping) else ""
        return " ".join(said.split())[:80] or "the API"

    def operations(self) -> Iterator[RawOperation]:
        """Yield what is described, in its order; what is no operation is left out."""
        for path, item in self.content["paths"].items():
            try:
                item = self.resolved(item)
            except CannotCompile:
                item = {}
            for method in METHODS:
                said = item.get(method) if isinstance(item, Mapping) else None
                if isinstance(said, Mapping):
                    yield RawOperation(method.upper(), str(path), item, said)

    def resolved(self, value: Any) -> Any:
        """Return a value with its references followed. Raises CannotCompile for one that leads nowhere or outside."""
        for _ in range(_DEEPEST):
            if not isinstance(value, Mapping) or not isinstance(value.get("$ref"), str):
                return value
            rest = {key: each for key, each in value.items() if key in ("description", "nullable", "default")}
            value = self._target(value["$ref"])
            if rest and isinstance(value, Mapping) and "$ref" not in value:
                return {**value, **rest}
        raise CannotCompile("reference", "a reference leads to itself")

    def _target(self, reference: str) -> Any:
        if not reference.startswith("#"):
            raise CannotCompile(
                "reference", f"{reference[:100]} is in another file, which is not read; bundle the description first"
            )
        value: Any = self.content
        for step in reference.lstrip("#").strip("/").split("/"):
            step = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(value, Mapping) and step in value:
                value = value[step]
            elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            else:
                raise CannotCompile(DANGLING, f"{reference[:100]} leads nowhere")
        return value

    def parameters(self, raw: RawOperation) -> list[Mapping[str, Any]]:
        """Return the parameters of an operation in the form of OpenAPI 3, those of its body left out."""
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        for holder in (raw.item, raw.said):
            for each in holder.get("parameters") or []:
                one = self.resolved(each)
                if isinstance(one, Mapping) and one.get("name") and one.get("in") not in ("body", "formData"):
                    found[str(one["in"]), str(one["name"])] = self._modern(one) if self.is_swagger else one
        return list(found.values())

    def _modern(self, one: Mapping[str, Any]) -> Mapping[str, Any]:
        schema = {key: one[key] for key in _OF_PARAMETERS if key in one}
        kept = {key: one[key] for key in ("name", "in", "description", "required") if key in one}
        written = {"multi": (True, "form"), "ssv": (False, "spaceDelimited"), "pipes": (False, "pipeDelimited")}
        explode, style = written.get(str(one.get("collectionFormat", "csv")), (False, ""))
        return {**kept, "schema": schema, "explode": explode, **({"style": style} if style else {})}

    def body(self, raw: RawOperation) -> Mapping[str, Any]:
        """Return the request's body as OpenAPI 3 has it: `required` and `content`; empty where there is none."""
        if not self.is_swagger:
            return self.resolved(raw.said.get("requestBody") or {}) or {}
        given = [self.resolved(each) for holder in (raw.item, raw.said) for each in holder.get("parameters") or []]
        for one in given:
            if one.get("in") == "body":
                return {
                    "required": one.get("required", False),
                    "content": {"application/json": {"schema": one.get("schema", {})}},
                }
        fields = {str(one["name"]): one for one in given if one.get("in") == "formData"}
        if not fields:
            return {}
        files = any(one.get("type") == "file" for one in fields.values())
        consumes = raw.said.get("consumes") or self.content.get("consumes") or []
        kind = "multipart/form-data" if files or consumes == ["multipart/form-data"] else _FORM
        schema = {
            "type": "object",
            "properties": {name: {**self._modern(one)["schema"], **_about(one)} for name, one in fields.items()},
            "required": [name for name, one in fields.items() if one.get("required")],
        }
        return {"required": bool(schema["required"]), "content": {kind: {"schema": schema}}}

    def answers(self, raw: RawOperation) -> list[tuple[int, Mapping[str, Any]]]:
        """Return the answers that are described for success: status and, as OpenAPI 3 has them, headers and content."""
        found = []
        for status, said in (raw.said.get("responses") or {}).items():
            code = str(status).upper()
            if not re.fullmatch(r"2(\d\d|XX)|DEFAULT", code):
                continue
            answer = self.resolved(said)
            if not isinstance(answer, Mapping):
                continue
            if self.is_swagger:
                schema = answer.get("schema")
                examples = answer.get("examples") or {}
                content = {"application/json": {"schema": schema, **_example_of(examples)}} if schema else {}
                answer = {"headers": answer.get("headers") or {}, "content": content}
            found.append((200 if not code.isdigit() else int(code), answer))
        return sorted(found, key=lambda pair: (pair[0] != 200, pair[0]))

    def server(self, raw: RawOperation) -> str:
        """Return the URL that the operation's path begins with. Raises CannotCompile where none can be asked."""
        if self.named_server:
            return _askable(self.named_server, self.source)
        if self.is_swagger:
            schemes = raw.said.get("schemes") or self.content.get("schemes") or ["https"]
            host, base = str(self.content.get("host") or ""), str(self.content.get("basePath") or "")
            url = f"{'https' if 'https' in schemes else schemes[0]}://{host}{base}" if host else base
            return _askable(url if host else urljoin(self.source, base or "/"), self.source)
        for holder in (raw.said, raw.item, self.content):
            if servers := holder.get("servers"):
                first = servers[0] if isinstance(servers, list) and isinstance(servers[0], Mapping) else {}
                url = _filled(str(first.get("url", "")), first.get("variables") or {})
                web = self.source.startswith(("http://", "https://"))
                return _askable(urljoin(self.source, url) if web else url, self.source)
        return _askable("", self.source)


_FORM = "application/x-www-form-urlencoded"


def _about(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **({"description": one["description"]} if one.get("description") else {}),
        **({"format": "binary"} if one.get("type") == "file" else {}),
    }


def _example_of(examples: Any) -> dict[str, Any]:
    first = next(iter(examples.values()), None) if isinstance(examples, Mapping) else None
    return {} if first is None else {"example": first}


def _filled(url: str, variables: Any) -> str:
    for name, said in (variables if isinstance(variables, Mapping) else {}).items():
        default = said.get("default", "") if isinstance(said, Mapping) else ""
        url = url.replace(f"{{{name}}}", str(default))
    return url


def _askable(url: str, source: str) -> str:
    """Return the URL of a server without a slash at its end. Raises CannotCompile where no tool could ask it."""
    url = url.strip().rstrip("/")
    hint = f'name it: --openapi "{source}#https://HOST/PATH"'
    parts = urlsplit(url)
    if not url or not parts.scheme or not parts.netloc:
        raise CannotCompile("server", f"the description names no server that can be asked ({url or 'none'}); {hint}")
    if parts.scheme not in ("http", "https") or "{" in url or parts.query or parts.username:
        raise CannotCompile("server", f"{url[:200]} is no plain URL of a server; {hint}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if not re.fullmatch(HOST, parts.hostname or "") or port not in (None, {"http": 80, "https": 443}[parts.scheme]):
        raise CannotCompile("server", f"{url[:200]}: a tool asks a named host at its usual port; {hint}")
    return f"{parts.scheme}://{parts.hostname}{parts.path}"
