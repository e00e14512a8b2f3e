"""A recorded world: what hosts answer, what lies in files and databases, what time it is. A tool is proven in one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from agenthands.schemas.effects import EnvName, Method
from agenthands.schemas.part import Part, refuse_longer

MOST_WORLDS, MOST_EXCHANGES, MOST_WORLD_FILES = 15, 2000, 2000
WorldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,48}$")]


def _is_default(value: Any) -> bool:
    return value in ("", None, 0) or value in ({}, [])


def _is_absent(value: Any) -> bool:
    return value is None


class _Message(Part):
    """What requests and answers have in common: a body that is JSON, or text, or nothing."""

    model_config = ConfigDict(serialize_by_alias=True)

    headers: dict[str, str] = Field(default_factory=dict, exclude_if=_is_default)
    json_body: Any = Field(
        None, alias="json", description="Body as JSON, except null", exclude_if=lambda each: each is None
    )
    body: str | None = Field(None, description="Body that is no JSON", exclude_if=lambda each: each is None)

    @model_validator(mode="after")
    def _has_one_body(self) -> _Message:
        if self.json_body is not None and self.body is not None:
            raise ValueError("a message has json or body, not both")
        return self


class Request(_Message):
    """A request; `headers` are those alone that must be there."""

    method: Method = "GET"
    url: str = Field(description="Absolute, http or https; its query may stand in `query`")
    query: dict[str, str | list[str]] = Field(default_factory=dict, exclude_if=_is_default)


class Response(_Message):
    """An answer. `seconds` is how long it takes; `fault` is what happens in its place."""

    status: int = Field(200, ge=200, le=599)
    seconds: float = Field(0.0, ge=0, le=60, exclude_if=_is_default)
    fault: Literal["", "no_answer", "reset"] = Field(
        "",
        description="no_answer: the connection stays open until the client gives up; reset: it breaks",
        exclude_if=_is_default,
    )


class Exchange(Part):
    """A request and its answer. Of several answers to the same request each has its `turn`; the last one repeats."""

    request: Request
    response: Response
    turn: int = Field(0, ge=0, le=1000, description="1, 2, ... where a request is repeated", exclude_if=_is_default)
    origin: Literal["recorded", "imagined"] = Field("imagined", exclude_if=lambda each: each == "imagined")
    at: str = Field("", description="When it was recorded, in ISO 8601", exclude_if=_is_default)


def place_of(path: str) -> str:
    """Return the name of the declared file or folder to which a path of a world belongs: `exports`, `orders.csv`."""
    first, slash, _ = path.partition("/")
    return first if slash else first.partition(".")[0]


class World(Part):
    """Everything outside of a tool, at one time. The first part of a file's path is the name of a declared file."""

    http: list[Exchange] = Field(default_factory=list, exclude_if=_is_default)
    files: dict[str, str] = Field(default_factory=dict, description="Text by path", exclude_if=_is_default)
    binary: dict[str, str] = Field(
        default_factory=dict, description="Base64 by path, of files that are no UTF-8 text", exclude_if=_is_default
    )
    tables: dict[str, str] = Field(
        default_factory=dict, description="SQL that makes a database, by its name", exclude_if=_is_default
    )
    origin: Literal["recorded", "imagined"] = Field(
        "imagined",
        description="Whether files and tables are a sample of the real ones",
        exclude_if=lambda each: each == "imagined",
    )
    now: str = Field("", description="The time, in ISO 8601; empty: today's", exclude_if=_is_default)
    secrets: dict[EnvName, str] = Field(default_factory=dict, description="Dummies", exclude_if=_is_default)
    settings: dict[str, Any] = Field(
        default_factory=dict, description="Settings that differ from their defaults", exclude_if=_is_default
    )

    @model_validator(mode="after")
    def _lists_are_bounded(self) -> World:
        refuse_longer("http", self.http, MOST_EXCHANGES)
        refuse_longer("files", [*self.files, *self.binary], MOST_WORLD_FILES)
        return self


class Leaves(Part):
    """What a call leaves behind: files by path, null where there must be none, and rows of tables by database."""

    files: dict[str, str | None] = Field(default_factory=dict, exclude_if=_is_default)
    tables: dict[str, dict[str, list[dict[str, Any]]]] = Field(
        default_factory=dict, description="{database: {table: rows}}", exclude_if=_is_default
    )
