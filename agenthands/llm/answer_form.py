"""Decides how an answer in JSON is asked for: held to its schema by the provider, as any JSON, or by the prompt alone.

A provider that constrains its model makes a grammar of the schema. Free-form JSON in it, such as the parameters of a
tool, is lost where the provider closes objects: https://platform.claude.com/docs/en/build-with-claude/structured-outputs
("additionalProperties must be false"), googleapis/js-genai#708. Every prompt that wants JSON holds the schema or says
its form, and every answer is validated here, so nothing depends on the provider's help.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from agenthands.llm.settings import ModelSettings

Form = Literal["schema", "json", "prompt"]

# What a provider does with a schema that has free-form parts; the tests in tests/llm/providers check it on the wire.
# One that is not listed gets the prompt alone.
_FREE_FORM: Mapping[str, Form] = {
    "gemini": "json",  # any JSON, without a schema
    "vertex_ai": "json",
    "openai": "schema",  # not strict: a help to the model, and no grammar; open objects stay open in servers like it
    "azure": "schema",
    "hosted_vllm": "schema",
    "lm_studio": "schema",
    "ollama": "schema",  # llama.cpp's grammar leaves objects open
    "ollama_chat": "schema",
    "scripted": "schema",
}


def answer_form(settings: ModelSettings, name: str, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the `response_format` of a call that wants an answer like `schema`; None where the prompt has to do."""
    form: Form = _FREE_FORM.get(settings.provider, "prompt") if has_free_form(schema) else "schema"
    if settings.provider == "vertex_ai" and "claude" in settings.model:
        form = "prompt" if form == "json" else form
    if form == "schema":
        return {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}
    return {"type": "json_object"} if form == "json" else None


def has_free_form(schema: Mapping[str, Any]) -> bool:
    """Return whether a schema has a part in which any JSON may stand."""
    return any(_is_free(each) for each in _parts(schema))


def _is_free(schema: Any) -> bool:
    if schema is True or not isinstance(schema, Mapping):
        return schema is True
    if schema.get("type") == "object":
        return "properties" not in schema or schema.get("additionalProperties", False) is not False
    return not schema.keys() & {"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"}


def _parts(schema: Any) -> Iterator[Any]:
    yield schema
    if not isinstance(schema, Mapping):
        return
    for name in ("properties", "$defs", "definitions"):
        for each in (schema.get(name) or {}).values():
            yield from _parts(each)
    for name in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for each in schema.get(name) or ():
            yield from _parts(each)
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), Mapping):
            yield from _parts(schema[name])
