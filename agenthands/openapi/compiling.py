"""Compiles an operation of a description: its arguments, its request, its result. No model is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import ValidationError

from agenthands.mcp.tool_poisoning import poisoned
from agenthands.openapi.document import CannotCompile, Document, RawOperation
from agenthands.openapi.names import argument_name, snake
from agenthands.openapi.paging import is_counted, paging_of
from agenthands.openapi.security import KEY_PARAMETERS, credentials
from agenthands.openapi.shapes import Shapes, about, kind_of
from agenthands.schemas.api_operation import Carried, HttpOperation, Place, Writing

_FORM, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
MOST_ARGUMENTS = 60
MOST_PAGES = 20
_OPEN = {"type": "object"}


@dataclass(frozen=True)
class Compiled:
    """An operation as a tool: its request, the schemas of its arguments and of what the API answers.

    `raw_answers` are status, schema and example of success; `arguments` are the schemas as described, by argument.
    """

    name: str
    description: str
    operation: HttpOperation
    parameters: dict[str, Any]
    answer: dict[str, Any]
    status: int
    is_text: bool
    answer_schema: Any
    answer_examples: Sequence[Any]
    arguments: Mapping[str, Any]
    notes: frozenset[str] = field(default_factory=frozenset)


def compile_operation(document: Document, raw: RawOperation, name: str) -> Compiled:
    """Return an operation as the tool `name`. Raises CannotCompile with the kind of what cannot be done."""
    try:
        compiled = _Compiler(document, raw).compiled(name)
    except (ValidationError, AttributeError, TypeError, KeyError, RecursionError) as error:
        raise CannotCompile(
            "malformed", f"it is described in a way that OpenAPI does not know: {error!r:.200}"
        ) from None

    shown = {"name": name, "description": compiled.description, "parameters": compiled.parameters}
    if found := poisoned([shown]):
        raise CannotCompile("tool poisoning", f"its description {found[0].rule}: {found[0].quote}")
    return compiled


class _Compiler:
    """Compiles one operation."""

    def __init__(self, document: Document, raw: RawOperation) -> None:
        self._document, self._raw = document, raw
        self._shapes = Shapes(document)
        self._inputs: list[Carried] = []
        self._properties: dict[str, Any] = {}
        self._required: list[str] = []
        self._described: dict[str, Any] = {}
        self._notes: set[str] = set()

    def compiled(self, name: str) -> Compiled:
        document, raw = self._document, self._raw
        server, keys = document.server(raw), credentials(document, raw)
        if keys and server.startswith("http:"):
            raise CannotCompile(
                "server", f"{server} would get a key over plain HTTP, where anybody on the way reads it"
            )
        for one in document.parameters(raw):
            self._parameter(one, signed=bool(keys))
        self._forgotten_path_parameters()
        body = self._body()
        status, answer, is_text, schema, examples, headers = self._answer()
        paging = None if "max_pages" in self._properties else paging_of(raw.method, self._countable(), answer, headers)
        if paging:
            self._properties["max_pages"] = {
                "type": "integer", "minimum": 1, "maximum": MOST_PAGES,
                "description": "How many pages to fetch at most; 1 where it is left out",
            }  # fmt: skip
        operation = HttpOperation(
            api=document.title, method=cast("Any", raw.method), server=server, path=raw.path, inputs=self._inputs,
            body=cast("Any", body), credentials=keys, paging=paging,
        )  # fmt: skip
        parameters = {"type": "object", "properties": self._properties, "required": self._required}
        return Compiled(
            name, self._description(answer, is_text), operation, parameters, answer, status, is_text, schema, examples,
            self._described, frozenset(self._notes | self._shapes.notes),
        )  # fmt: skip

    def _countable(self) -> list[Carried]:
        """Return the inputs; a page or an offset that is a text cannot be counted on, so it is no plain parameter."""
        kinds = {each.argument: self._properties[each.argument].get("type") for each in self._inputs}
        return [
            each.model_copy(update={"name": ""})
            if is_counted(each.name) and kinds[each.argument] != "integer"
            else each
            for each in self._inputs
        ]

    def _add(
        self, name: str, place: Place, schema: dict[str, Any], needed: bool, writing: Writing, between: str = ","
    ) -> str:
        argument = argument_name(name, self._properties)
        self._inputs.append(Carried(argument=argument, name=name, place=place, writing=writing, separator=between))
        self._properties[argument] = schema
        if needed:
            self._required.append(argument)
        return argument

    def _parameter(self, one: Mapping[str, Any], *, signed: bool) -> None:
        place, name = str(one["in"]), str(one["name"])
        if place not in ("path", "query", "header", "cookie"):
            raise CannotCompile("parameter", f"its parameter {name[:60]!r} is in {place[:20]!r}")
        if place == "header" and name.lower() in ("accept", "content-type", "authorization"):
            return
        needed = one.get("required") is True or place == "path"
        if signed and place in ("query", "header") and snake(name) in KEY_PARAMETERS:
            return  # it is the key, which is sent in a header
        if not needed and len(self._properties) >= MOST_ARGUMENTS:
            self._notes.add("arguments left out")
            return
        media = one.get("content")
        content = next(iter(media.values())) if isinstance(media, Mapping) and media else None
        described = content.get("schema", {}) if isinstance(content, Mapping) else one.get("schema") or {}
        shape = self._shapes.of(described, "sent", 2)
        words = about(one.get("description")) or shape.get("description", "")
        writing, between = _writing({} if content else one, place, {} if content else shape)
        shape = {**shape, **({"description": words} if words else {})}
        argument = self._add(name, cast("Place", place), _without_nesting(shape, writing), needed, writing, between)
        example = {key: one[key] for key in ("example",) if key in one}
        if isinstance(one.get("examples"), Mapping) and one["examples"]:
            first = self._document.resolved(next(iter(one["examples"].values())))
            example = {"example": first["value"]} if isinstance(first, Mapping) and "value" in first else example
        resolved = self._document.resolved(described)
        self._described[argument] = {**(resolved if isinstance(resolved, Mapping) else {}), **example}

    def _forgotten_path_parameters(self) -> None:
        import re

        known = {each.name for each in self._inputs if each.place == "path"}
        for name in re.findall(r"\{([^{}]+)\}", self._raw.path):
            if name not in known:
                self._notes.add("undescribed path parameter")
                argument = self._add(name, "path", {"type": "string"}, True, "plain")
                self._described[argument] = {"type": "string"}
        for each in self._inputs:
            if each.place == "path" and f"{{{each.name}}}" not in self._raw.path:
                raise CannotCompile("parameter", f"its path has no {{{each.name[:60]}}}")
        if re.search(r"[{}?#]", re.sub(r"\{[^{}]+\}", "", self._raw.path)):
            raise CannotCompile("parameter", f"{self._raw.path[:100]} is no plain path")

    def _body(self) -> str:
        body = self._document.body(self._raw)
        content = body.get("content")
        if not isinstance(content, Mapping) or not content:
            return "none"
        media, said = _chosen(content)
        schema = said.get("schema") or {}
        kind = "form" if media == _FORM else "multipart" if media == _MULTIPART else "fields"
        needed = body.get("required") is True or kind != "fields"
        shape = self._shapes.of(schema, "sent", 4)
        self._shapes.of({}, "sent")
        fields = shape.get("properties")
        if kind == "fields" and (not fields or len(fields) > 2 * MOST_ARGUMENTS or shape.get("type") != "object"):
            argument = self._add("body", "body", {"description": "What is sent, as JSON", **shape}, needed, "plain")
            self._described[argument] = {**self._members(schema, whole=True), **_example(said)}
            return "whole"
        members = self._members(schema)
        for name, each in (fields or {}).items():
            required = needed and name in shape.get("required", [])
            described = self._document.resolved(members.get(name, {}))
            if isinstance(described, Mapping) and described.get("format") == "binary":
                if required:
                    raise CannotCompile("file", f"it sends a file ({name[:60]}), which no model writes")
                self._notes.add("file left out")
                continue
            if not required and len(self._properties) >= MOST_ARGUMENTS:
                self._notes.add("arguments left out")
                continue
            writing: Writing = "plain" if kind == "fields" else _in_form(each)
            argument = self._add(name, "body", each, required, writing)
            self._described[argument] = self._fitting(described, said, name)
        return kind

    def _members(self, schema: Any, *, whole: bool = False) -> dict[str, Any]:
        from agenthands.openapi.samples import Samples

        schema = self._document.resolved(schema)
        if isinstance(schema, Mapping) and isinstance(schema.get("allOf"), list):
            schema = Samples(self._document)._joined(schema)
        for key in ("oneOf", "anyOf"):
            choices = schema.get(key) if isinstance(schema, Mapping) else None
            if isinstance(choices, list) and len(choices) == 1:
                schema = self._document.resolved(choices[0])
        if whole:
            return dict(schema) if isinstance(schema, Mapping) else {}
        found = schema.get("properties") if isinstance(schema, Mapping) else None
        return dict(found) if isinstance(found, Mapping) else {}

    def _fitting(self, described: Any, said: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Return the schema of a field, with its value in the body's own example where there is one."""
        example = _example(said).get("example")
        given = {"example": example[name]} if isinstance(example, Mapping) and name in example else {}
        return {**(described if isinstance(described, Mapping) else {}), **given}

    def _answer(self) -> tuple[int, dict[str, Any], bool, Any, list[Any], Mapping[str, Any]]:
        """Return status and shape of the answer, whether it is text, its schema, examples and headers."""
        answers = self._document.answers(self._raw)
        if not answers:
            self._notes.add("no answer described")
            return 200, {}, False, {}, [], {}
        status, said = answers[0]
        headers = said.get("headers") or {}
        content = said.get("content")
        if not isinstance(content, Mapping) or not content:
            return (status if len(answers) == 1 or status != 200 else 200), {}, False, None, [], headers
        media = next((each for each in content if _is_json(each)), next(iter(content)))
        held = self._document.resolved(content[media])
        held = held if isinstance(held, Mapping) else {}
        schema = held.get("schema") or {}
        if not _is_json(media):
            if not media.startswith("text/") and media.partition(";")[0] not in _TEXTS:
                raise CannotCompile("binary answer", f"it answers with {media[:60]}, which no model reads")
            return status, {"type": "string"}, True, schema, [], headers
        shape = self._shapes.of(schema, "answered", 4)
        return status, shape, False, schema, self._examples(held), headers

    def _examples(self, held: Mapping[str, Any]) -> list[Any]:
        found = [held["example"]] if "example" in held else []
        for each in (held.get("examples") or {}).values() if isinstance(held.get("examples"), Mapping) else ():
            try:
                one = self._document.resolved(each)
            except CannotCompile:
                continue
            found += [one["value"]] if isinstance(one, Mapping) and "value" in one else []
        return found[:5]

    def _description(self, answer: Any, is_text: bool) -> str:
        said = self._raw.said
        words = [about(said.get("summary"), 200).rstrip("."), about(said.get("description"), 700)]
        if words[1].startswith(words[0]):
            words = words[1:]
        whole = ". ".join(each for each in words if each) or f"{self._raw.method} {self._raw.path}"
        whole = f"{whole.rstrip('.')}. {self._raw.method} of {self._document.title}."
        shape = "text" if is_text else outline(answer)
        return f"{whole} Returns status and data{f': {shape}' if shape else ''}."


_TEXTS = {"application/xml", "application/yaml", "application/x-yaml", "application/csv", "application/x-ndjson",
          "application/jsonl", "application/javascript", "application/vnd.openai.sse"}  # fmt: skip


def outline(shape: Any, longest: int = 400) -> str:
    """Return a shape as a few words: the names of an object's members, and of those in a list."""
    text = _outlined(shape, 2)
    return text if len(text) <= longest else f"{text[:longest].rpartition(',')[0]}, ..."


def _outlined(shape: Any, depth: int) -> str:
    kind = shape.get("type") if isinstance(shape, Mapping) else None
    if kind == "array":
        return f"[{_outlined(shape.get('items'), depth)}]"
    if kind == "object" and depth and shape.get("properties"):
        inner = []
        for name, each in shape["properties"].items():
            below = _outlined(each, depth - 1)
            inner.append(f"{name}: {below}" if below[:1] in ("[", "{") and len(below) > 2 else name)
        return f"{{{', '.join(inner)}}}"
    return ""


def _is_json(media: str) -> bool:
    kind = media.partition(";")[0].strip().lower()
    return kind in ("application/json", "*/*", "text/json", "application/*") or kind.endswith("+json")


def _chosen(content: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the media type in which a tool sends. Raises CannotCompile where there is none."""
    kinds = {media.partition(";")[0].strip().lower(): said for media, said in content.items()}
    for wanted in (*(media for media in kinds if _is_json(media)), _FORM, _MULTIPART):
        if wanted in kinds:
            said = kinds[wanted]
            return wanted, said if isinstance(said, Mapping) else {}
    raise CannotCompile("body", f"it sends {next(iter(kinds))[:60]}, which no model writes")


def _example(said: Mapping[str, Any]) -> dict[str, Any]:
    if "example" in said:
        return {"example": said["example"]}
    examples = said.get("examples")
    first = next(iter(examples.values()), None) if isinstance(examples, Mapping) else None
    return {"example": first["value"]} if isinstance(first, Mapping) and "value" in first else {}


def _in_form(shape: Mapping[str, Any]) -> Writing:
    kind = shape.get("type")
    return "repeated" if kind == "array" else "plain" if kind in ("string", "integer", "number", "boolean") else "json"


def _writing(one: Mapping[str, Any], place: str, shape: Mapping[str, Any]) -> tuple[Writing, str]:
    """Return how a parameter is written, and what stands between what is joined."""
    kind, style = shape.get("type"), one.get("style") or ("form" if place in ("query", "cookie") else "simple")
    explode = one.get("explode", style == "form")
    if kind == "array":
        if place != "query" or not explode:
            return "joined", {"spaceDelimited": " ", "pipeDelimited": "|"}.get(str(style), ",")
        return "repeated", ","
    if kind == "object":
        if style == "deepObject":
            return "deep", ","
        return ("pairs", ",") if place == "query" and explode else ("json", ",")
    return ("plain", ",") if kind else ("json", ",")


def _without_nesting(shape: dict[str, Any], writing: Writing) -> dict[str, Any]:
    """Return a parameter's shape; an object that becomes several pairs is open, so that its names stay as they are."""
    if writing in ("deep", "pairs"):
        about_it = {key: shape[key] for key in ("description",) if key in shape}
        names = ", ".join(shape.get("properties", {}))
        words = " ".join(filter(None, [about_it.get("description", ""), f"Members: {names[:200]}." if names else ""]))
        return {**_OPEN, **({"description": words} if words else {})}
    return shape


def size_of(value: Any) -> int:
    """Return how many characters a value has as JSON."""
    return len(json.dumps(value))


__all__ = ["MOST_PAGES", "Compiled", "compile_operation", "kind_of", "outline", "size_of"]
