"""What a tool may touch beside its arguments: hosts, files, databases, the clock, secrets and settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from agenthands.schemas.bounds import MOST_NAMES
from agenthands.schemas.part import TOOL_NAME, Part, refuse_longer

HOST = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$"
ENV_NAME = r"^[A-Z][A-Z0-9_]{1,63}$"
Access = Literal["read", "write"]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
EnvName = Annotated[str, StringConstraints(pattern=ENV_NAME)]


def _is_default(value: Any) -> bool:
    """Return whether a field says nothing: specifications without it stay as they were written."""
    return not value


class HttpEffect(Part):
    """A host that a tool asks over HTTP."""

    host: str = Field(pattern=HOST, max_length=253, description="Lower case, without scheme and port")
    methods: list[Method] = Field(["GET"], min_length=1)


class FileEffect(Part):
    """A file or a folder; its path is the tool's setting of the same name."""

    name: str = Field(pattern=TOOL_NAME)
    access: Access = "read"
    description: str = ""


class DatabaseEffect(Part):
    """A database; the path of its file is the tool's setting of the same name."""

    name: str = Field(pattern=TOOL_NAME)
    kind: Literal["sqlite", "duckdb"] = "sqlite"
    access: Access = "read"
    description: str = ""


class Setting(Part):
    """A value that the user of the finished agent may change."""

    model_config = ConfigDict(serialize_by_alias=True)

    name: str = Field(pattern=TOOL_NAME)
    accepts: dict[str, Any] = Field(alias="schema", description="JSON Schema of its values")
    default: Any
    description: str = ""


class Effects(Part):
    """All that a tool may touch beside its arguments. What is not declared is refused when it runs."""

    http: list[HttpEffect] = Field(default_factory=list, exclude_if=_is_default)
    files: list[FileEffect] = Field(default_factory=list, exclude_if=_is_default)
    databases: list[DatabaseEffect] = Field(default_factory=list, exclude_if=_is_default)
    clock: bool = Field(False, description="Whether it may ask what time it is", exclude_if=_is_default)
    secrets: list[EnvName] = Field(
        default_factory=list,
        description="Environment variables with its keys; the tool's setting has the same name in lower case",
        exclude_if=_is_default,
    )
    settings: list[Setting] = Field(default_factory=list, exclude_if=_is_default)

    @model_validator(mode="after")
    def _lists_are_bounded(self) -> Effects:
        for what in ("http", "files", "databases", "secrets", "settings"):
            refuse_longer(f"effects.{what}", getattr(self, what), MOST_NAMES)
        return self

    def __bool__(self) -> bool:
        """Whether anything is declared."""
        return any(getattr(self, name) for name in type(self).model_fields)

    def places(self) -> Iterator[tuple[str, FileEffect | DatabaseEffect]]:
        """Yield the name of the setting and the effect, of each file, folder and database."""
        yield from ((file.name, file) for file in self.files)
        yield from ((database.name, database) for database in self.databases)

    def fields(self) -> dict[str, Any]:
        """Return the fields that the tool's configuration must have, with their defaults; those of secrets are None."""
        named = {name: "" for name, _ in self.places()} | {each.name: each.default for each in self.settings}
        return named | {name.lower(): None for name in self.secrets}
