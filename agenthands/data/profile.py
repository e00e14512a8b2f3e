"""Profiles the user's data in bounded memory and time, and makes the sample of it that becomes a world."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agenthands._util.formatting import count
from agenthands._util.killable import UnfinishedError, killable
from agenthands.data.masking import Masker
from agenthands.data.samples import imagined_sample, sample_of
from agenthands.data.sources import Found, find_sources
from agenthands.data.tabular import HEAD_BYTES
from agenthands.errors import RequestInvalid
from agenthands.schemas import World
from agenthands.schemas.data_profile import DataSource, FileProfile, NamePattern, UserData

READ_SECONDS = 60.0
"""CPU time for one file."""
_MASKED_FIELDS = ("low", "high")


def read_data(paths: Sequence[str], rows: int, head_bytes: int = HEAD_BYTES) -> UserData:
    """Return the profiles of all that lies at these paths, and their sample; values are masked.

    `rows` is how many of each table are told; with 0 nothing is told but the schema, and the sample is invented from
    it. `head_bytes` is how much of a text is read. Files are read in a process that can be killed. Raises
    RequestInvalid, which names the file, where one cannot be read; in a folder, such a file is left out and noted.
    """
    masker = Masker()
    sources: list[DataSource] = []
    world = _Sample()
    for found in find_sources(paths):
        reader = _Reader(rows, head_bytes, masker, world)
        sources.append(reader.folder(found) if found.is_folder else reader.file(found))
    origin = "recorded" if rows else "imagined"
    sample = World(files=world.files, binary=world.binary, tables=world.tables, origin=origin)
    return UserData(sources=sources, rows=rows, masked=dict(masker.counts), world=sample, encodings=world.encodings)


class _Sample:
    """What the world of the sample holds."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.binary: dict[str, str] = {}
        self.tables: dict[str, str] = {}
        self.encodings: dict[str, str] = {}


class _Reader:
    """Reads one source after the other, and adds to the sample."""

    def __init__(self, rows: int, head_bytes: int, masker: Masker, sample: _Sample) -> None:
        self._rows, self._head_bytes, self._masker, self._sample = rows, head_bytes, masker, sample

    def file(self, found: Found) -> DataSource:
        """Return the profile of a single file. Raises RequestInvalid."""
        read = self._read(found.path)
        if "fault" in read:
            raise RequestInvalid(f"The data {str(found.path)!r} {read['fault']}.", read["hint"])
        suffix = "".join(each for each in (found.path.suffix.lower(),) if each[1:].isalnum())
        self._take(read, f"{found.name}{suffix}", found.name)
        profile = self._profile(read, self._masker.text(found.path.name))
        return DataSource(name=found.name, path=str(found.path), files=[profile])

    def folder(self, found: Found) -> DataSource:
        """Return the profile of a folder: its patterns of names, and a file of each. Raises RequestInvalid."""
        try:
            listed = killable("agenthands.data.folders:list_folder", str(found.path), cpu_seconds=READ_SECONDS)
        except (UnfinishedError, RuntimeError) as error:
            raise RequestInvalid(f"The folder {str(found.path)!r} cannot be listed: {error}.", _SMALLER) from None
        notes = [f"Left out: {count(number, reason)}." for reason, number in listed["left_out"].items()]
        if not listed["exact"]:
            notes.append("It has more files than were counted.")
        profiles: list[FileProfile] = []
        for pattern in listed["patterns"]:
            names = list(dict.fromkeys([pattern["first"], pattern["last"]]))
            for number, name in enumerate(names):
                read = self._read(found.path / name)
                if "fault" in read:
                    notes.append(f"{self._masker.text(name)} {read['fault']}, and was left out.")
                    continue
                self._take(read, f"{found.name}/{name}", "")
                if not number or not profiles:
                    profiles.append(self._profile(read, self._masker.text(name)))
        if not profiles:
            told = " ".join(notes)
            raise RequestInvalid(
                f"The folder {str(found.path)!r} has no file that can be read. {told}".rstrip(), "Give another folder."
            )
        patterns = [NamePattern(**{**each, **self._texts(each)}) for each in listed["patterns"]]
        return DataSource(
            name=found.name, path=str(found.path), is_folder=True, files=profiles, patterns=patterns, notes=notes
        )

    def _read(self, path: Path) -> dict[str, Any]:
        """Return what the reader of a file says."""
        with tempfile.TemporaryDirectory(prefix="data-") as scratch:
            try:
                return dict(
                    killable(
                        "agenthands.data.kinds:read_file", str(path), self._rows, scratch, self._head_bytes,
                        cpu_seconds=READ_SECONDS,
                    )
                )  # fmt: skip
            except UnfinishedError as error:
                return {"fault": f"cannot be read in bounds: {error}", "hint": _SMALLER}
            except RuntimeError as error:
                return {
                    "fault": f"cannot be read: {error}",
                    "hint": "Look at its permissions, and whether it is whole.",
                }

    def _profile(self, read: Mapping[str, Any], name: str) -> FileProfile:
        known = {key: read[key] for key in ("kind", "bytes", "encoding", "delimiter", "notes") if key in read}
        notes = [*known.pop("notes", []), *([f"Structure: {read['outline']}"] if "outline" in read else [])]
        return FileProfile(
            name=name,
            notes=[self._masker.text(note) for note in notes],
            lines=[self._masker.text(line) for line in read.get("lines", [])],
            tables=[self._table(each) for each in read.get("tables", [])],
            **known,
        )

    def _table(self, table: Mapping[str, Any]) -> dict[str, Any]:
        mask = self._masker.text
        columns = [
            {
                **column,
                "name": mask(column["name"]),
                **{field: mask(column[field]) for field in _MASKED_FIELDS if field in column},
                "values": [mask(value) for value in column.get("values", [])],
            }
            for column in table["columns"]
        ]
        sample = [[mask(cell) for cell in row] for row in table.get("sample", [])]
        return {**table, "columns": columns, "sample": sample}

    def _take(self, read: Mapping[str, Any], path: str, database: str) -> None:
        """Add a file's sample to the world."""
        is_database = read["kind"] in ("sqlite", "duckdb")
        made = sample_of(read, self._masker) if self._rows else imagined_sample(read, self._masker)
        if is_database and database:
            self._sample.tables[database] = made.sql
        elif is_database or made.is_empty:
            return  # a database in a folder is told, and not laid out
        elif made.text is not None:
            self._sample.files[path] = made.text
        else:
            self._sample.binary[path] = made.base64
            if made.encoding:
                self._sample.encodings[path] = made.encoding

    def _texts(self, pattern: Mapping[str, Any]) -> dict[str, str]:
        return {name: self._masker.text(pattern[name]) for name in ("pattern", "first", "last")}


_SMALLER = "Give a smaller part of it."
