"""What is known of the user's data: a profile of each source, and the sample of them that is a world."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from agenthands.schemas.part import TOOL_NAME, Part
from agenthands.schemas.world import World, place_of

SAMPLE_WORLD = "data_sample"
"""The name of the world that holds the sample; a plan names it and need not write it."""
FileKind = Literal["csv", "json", "jsonl", "parquet", "excel", "pdf", "text", "sqlite", "duckdb"]


class Column(Part):
    """A column: its type, and what is known of its values. All but name and type is empty if no values are told."""

    name: str
    type: str
    nulls: int | None = None
    distinct: int | None = Field(None, description="About how many different values")
    low: str = ""
    high: str = ""
    values: list[str] = Field(default_factory=list, description="All of its values, where they are few")
    note: str = ""


class Table(Part):
    """A table, a sheet, or all that a file of rows holds. `sample` has the first values of each row, masked."""

    name: str = ""
    columns: list[Column] = Field(default_factory=list)
    more_columns: int = 0
    rows: int | None = None
    exact: bool = True
    keys: list[str] = Field(default_factory=list, description="Primary and foreign keys, in words")
    sample: list[list[str]] = Field(default_factory=list)


class FileProfile(Part):
    """One file: how it is written, and the tables in it; of a text or a document, the first lines."""

    name: str = Field(description="Of a file in a folder, its path there")
    kind: FileKind
    bytes: int
    encoding: str = ""
    delimiter: str = ""
    tables: list[Table] = Field(default_factory=list)
    lines: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)


class NamePattern(Part):
    """Files of a folder whose names differ in digits alone: `sales-####-##.csv`."""

    pattern: str
    count: int
    first: str
    last: str


class DataSource(Part):
    """One path that the user gave. Its name is that of the effect of the tool that reads it."""

    name: str = Field(pattern=TOOL_NAME)
    path: str = Field(description="Where it lies; never told to a model")
    is_folder: bool = False
    files: list[FileProfile] = Field(default_factory=list)
    patterns: list[NamePattern] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    @property
    def database(self) -> Literal["", "sqlite", "duckdb"]:
        """The kind of database that it is; empty if it is none."""
        kind = "" if self.is_folder or not self.files else self.files[0].kind
        return kind if kind == "sqlite" or kind == "duckdb" else ""


class UserData(Part):
    """All data of a build. `rows` is how many of each table are told; with 0, no value leaves the machine."""

    sources: list[DataSource] = Field(default_factory=list)
    rows: int = 5
    masked: dict[str, int] = Field(default_factory=dict, description="How much was masked, by its kind")
    world: World = Field(default_factory=World)
    encodings: dict[str, str] = Field(default_factory=dict, description="Of texts in the world that are no UTF-8")

    @property
    def facts(self) -> dict[str, Any]:
        """All of it but where it lies: what a plan depends on."""
        return self.model_dump(mode="json", exclude={"sources": {"__all__": {"path"}}})

    def sample_for(self, effects: Any) -> World:
        """Return the sample as a tool with these effects may see it."""
        places = {name for name, _ in effects.places()}
        return self.world.model_copy(
            update={
                "files": {path: text for path, text in self.world.files.items() if place_of(path) in places},
                "binary": {path: text for path, text in self.world.binary.items() if place_of(path) in places},
                "tables": {name: sql for name, sql in self.world.tables.items() if name in places},
            }
        )
