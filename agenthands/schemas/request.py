"""The request of a user, and the options of a build."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from agenthands._util.redaction import has_password
from agenthands._util.untrusted_json import has_half_characters
from agenthands.errors import RequestInvalid
from agenthands.sandbox.registry import SANDBOXES

MAX_REQUEST_CHARACTERS = 20_000
MOST_DATA_ROWS = 50
PRICE = r"^\d{1,9}(\.\d{1,12})?,\d{1,9}(\.\d{1,12})?$"


def _known_sandbox(name: str) -> str:
    """Refuse what is no sandbox, in the words that Pydantic has for a choice."""
    if name not in SANDBOXES:
        *most, last = map(repr, SANDBOXES)
        raise PydanticCustomError(
            "literal_error", "Input should be {choices}", {"choices": f"{', '.join(most)} or {last}"}
        )
    return name


SandboxName = Annotated[
    str, AfterValidator(_known_sandbox), WithJsonSchema({"enum": list(SANDBOXES), "type": "string"})
]
"""The name of a sandbox; forms of Prefect's show the choices."""


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


DataPath = Annotated[
    str,
    Field(min_length=1, max_length=4096),
    BeforeValidator(lambda path: str(path) if isinstance(path, Path) else path, json_schema_input_type=str),
    AfterValidator(_absolute),
]
"""The path of a file or folder on this machine; kept absolute."""


class BuildOptions(BaseModel):
    """How to build; what is None comes from the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    planner: str | None = Field(None, title="Planner model", description="Model that plans, as litellm names it")
    coder: str | None = Field(
        None, title="Coder model", description="Model that writes the tools; the planner's if empty"
    )
    agent_model: str | None = Field(
        None, title="Agent's model", description="Model of the finished agent; the planner's if empty"
    )
    agent_models: dict[str, str] | None = Field(
        None,
        title="Models by role",
        max_length=20,
        description="Further models that a plan may give to agents of a team: MODEL, or MODEL and what it is for, by "
        "role",
    )
    fallback: str | None = Field(
        None, title="Fallback model", description="Model that answers where one of these is limited or not reached"
    )
    api_base: str | None = Field(
        None, title="Model endpoint", description="URL of an OpenAI-compatible or other self-hosted endpoint"
    )
    config: str | None = Field(None, title="Settings file", description="TOML file with the model settings")
    store: str | None = Field(None, title="Store", description="Where builds are kept: a folder or any fsspec URL")
    sandbox: SandboxName | None = Field(None, title="Sandbox", description="What isolates generated code")
    budget: float | None = Field(
        None, title="Budget in US dollars", gt=0, le=1e9, description="US dollars that all models of the build may cost"
    )
    tool_budget: float | None = Field(
        None, title="Budget of each tool", gt=0, le=1e9, description="US dollars that writing one tool may cost"
    )
    budget_tokens: int | None = Field(
        None,
        title="Budget in tokens",
        gt=0,
        le=10**15,
        description="Tokens, in and out, that all models of the build may use",
    )
    price: str | None = Field(
        None, title="Price a million tokens", pattern=PRICE,
        description="IN,OUT: US dollars for a million tokens of models whose price is not known",
    )  # fmt: skip
    max_attempts: int | None = Field(
        None, title="Tries per tool", ge=1, le=10, description="Tries of each tool at the gate"
    )
    parallel: int | None = Field(None, title="Tools at once", ge=1, le=64, description="Tools that are written at once")
    data: tuple[DataPath, ...] | None = Field(
        None, title="Your data", description="Files and folders that the agent is for; on a worker, those of the worker"
    )
    data_rows: int | None = Field(
        None,
        title="Rows told",
        ge=0,
        le=MOST_DATA_ROWS,
        description="Rows of each table of the data that the models read; 0: the schema alone",
    )
    openapi: list[str] | None = Field(
        None, title="API descriptions", max_length=20, description="Files or URLs of OpenAPI descriptions (2.0 to 3.1)"
    )
    allow_host: tuple[str, ...] | None = Field(
        None,
        title="Hosts to ask",
        description="Hosts whose real answers the planner may see before it plans: HOST, or HOST+KEY_VARIABLE",
    )
    refresh: bool = Field(False, title="Build anew", description="Ignore everything cached")


class BuildRequest(BuildOptions):
    """One agent to build: the sentence, and how to build it. The form of a request file."""

    request: str = Field(description="What the agent should be able to do, in one sentence")

    def options(self) -> BuildOptions:
        """Return the options without the request."""
        return BuildOptions(**self.model_dump(exclude={"request"}))


_OF_THE_BUILD = (
    "planner", "coder", "agent_model", "agent_models", "fallback", "api_base", "config", "price", "sandbox",
    "max_attempts", "data", "data_rows", "openapi",
)  # fmt: skip


def options_as_built(built: BuildOptions, given: BuildOptions) -> BuildOptions:
    """Return the options of a chat with a built agent, or of its revision: those that are given, else the build's.

    Budgets and the store are not among the build's.
    """
    kept = built.model_dump(include=set(_OF_THE_BUILD), exclude_none=True)
    return BuildOptions(**{**kept, **given.model_dump(exclude_none=True)})


MAX_BATCH_BYTES = 16_000_000


def refuse_passwords(options: BuildOptions) -> None:
    """Raise RequestInvalid if a URL contains a password, because everybody can read the options in Prefect."""
    for name, url in (("api_base", options.api_base), ("store", options.store)):
        if has_password(url):
            raise RequestInvalid(
                f"The option {name} carries a password, and options are kept for all to read.",
                f"Set AGENTHANDS_{name.upper()} where the build runs instead.",
            )
    if any(map(has_password, options.openapi or ())):
        raise RequestInvalid(
            "The URL of an API description carries a password, and options are kept for all to read.",
            "Save the description as a file, and name that.",
        )


def validated_request(values: Mapping[Any, Any], where: str) -> BuildRequest:
    """Return a request with its options. Raises RequestInvalid, whose message begins with `where`."""
    if any(isinstance(text, str) and has_half_characters(text) for text in (*values, *values.values())):
        raise RequestInvalid(f"{where}: this is not text in UTF-8.")
    try:
        request = BuildRequest(**values)
    except (ValidationError, TypeError) as error:
        if isinstance(error, TypeError):
            raise RequestInvalid(f"{where}: keys must be text.") from None
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(map(str, first["loc"]))
        known = ", ".join(BuildRequest.model_fields)
        raise RequestInvalid(f"{where}: {name}: {first['msg']}.", f"Known keys: {known}.") from None
    refuse_passwords(request)
    return request


def read_requests(text: str, name: str, options: Mapping[str, Any]) -> list[BuildRequest]:
    """Return the requests of a batch: a YAML list, or one JSON value a line if `name` ends with .jsonl.

    Each entry is a sentence, or a mapping with the key `request` and options; `options` override those of an entry.
    Raises RequestInvalid, which names the faulty entry.
    """
    entries = _lines(text, name) if name.endswith(".jsonl") else _list(text, name)
    requests = []
    for number, entry in enumerate(entries, 1):
        values = {"request": entry} if isinstance(entry, str) else entry
        if not isinstance(values, dict):
            raise RequestInvalid(f"{name}: entry {number} is neither a sentence nor a mapping.")
        requests.append(validated_request({**values, **options}, f"{name}: entry {number}"))
    if not requests:
        raise RequestInvalid(f"{name} holds no requests.", 'Write a list: "- An agent that ...".')
    return requests


def _list(text: str, name: str) -> list[Any]:
    try:
        entries = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise RequestInvalid(f"{name} is not YAML: {' '.join(str(error).split())[:300]}") from None
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise RequestInvalid(f"{name} must be a list of requests.", 'Begin each with "- ".')
    return entries


def _lines(text: str, name: str) -> list[Any]:
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                entries.append(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise RequestInvalid(f"{name}, line {number}, is not JSON: {str(error)[:200]}") from None
    return entries
