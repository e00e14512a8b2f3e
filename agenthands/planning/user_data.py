"""What the planner is told of the user's data, and how its plan comes by the sample that it may name and not write."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

from agenthands.errors import RequestInvalid
from agenthands.llm.prompts import render
from agenthands.schemas import Plan, World
from agenthands.schemas.data_profile import SAMPLE_WORLD, UserData

MOST_CHARACTERS = 60_000
"""How long the text about the data may be."""


def told_data(data: UserData) -> str:
    """Return the part of the planner's message about the data: all of it that leaves this machine."""
    texts: dict[str, dict[str, str]] = {}
    for path, encoding in data.encodings.items():
        text = base64.b64decode(data.world.binary[path]).decode(encoding, "replace")
        texts[path] = {"text": text, "about": f" (there in {encoding})"}
    values: dict[str, Any] = {"data": data, "world": SAMPLE_WORLD, "texts": texts}
    bare = render("plan/data.md.j2", fence="", **values)
    fence = "-" * max(10, 1 + max((len(run) for run in re.findall("-+", bare)), default=0))
    return re.sub(r"\n{3,}", "\n\n", render("plan/data.md.j2", fence=fence, **values)).strip() + "\n"


def in_bounds(read: Callable[[int], UserData], rows: int) -> UserData:
    """Return the data as `read` with `rows` rows of each table, or fewer where the text about them gets too long.

    Raises RequestInvalid where it is too long even so.
    """
    for fewer in dict.fromkeys([rows, min(rows, 2), min(rows, 1)]):
        data = read(fewer)
        length = len(told_data(data))
        if length <= MOST_CHARACTERS:
            return data
    raise RequestInvalid(
        f"A model would be told {length:,} characters of the data; at most {MOST_CHARACTERS:,} are.",
        "Give fewer files, a database with fewer tables, or --data-rows 0.",
    )


def with_sample(plan: Plan, data: UserData | None) -> Plan:
    """Return a plan in which the tools that read the data have the sample of it among their worlds.

    Nothing else in a world was recorded, whatever a planner says.
    """
    names = {source.name for source in data.sources} if data else set()
    tools = []
    for tool in plan.custom_tools:
        imagined = {name: world.model_copy(update={"origin": "imagined"}) for name, world in tool.worlds.items()}
        tool = tool.model_copy(update={"worlds": imagined})
        if data and names & {name for name, _ in tool.effects.places()}:
            sample = data.sample_for(tool.effects)
            own = tool.worlds.get(SAMPLE_WORLD, World())
            update = {field: getattr(sample, field) for field in ("files", "binary", "tables", "origin")}
            worlds = {**tool.worlds, SAMPLE_WORLD: own.model_copy(update=update)}
            tool = tool.model_copy(update={"worlds": worlds})
        tools.append(tool)
    return plan.model_copy(update={"custom_tools": tools})


def without_sample(plan: Plan) -> Plan:
    """Return a plan as the planner wrote it: what is recorded in the sample is left out."""
    tools = []
    for tool in plan.custom_tools:
        if sample := tool.worlds.get(SAMPLE_WORLD):
            bare = sample.model_copy(update={"files": {}, "binary": {}, "tables": {}, "origin": "imagined"})
            tool = tool.model_copy(update={"worlds": {**tool.worlds, SAMPLE_WORLD: bare}})
        tools.append(tool)
    return plan.model_copy(update={"custom_tools": tools})


def data_complaints(plan: Plan, data: UserData | None) -> Iterator[str]:
    """Yield what is wrong with how a plan's tools declare the user's data."""
    if data is None:
        return
    read: set[str] = set()
    for tool in plan.custom_tools:
        where = f"custom_tools.{tool.name}.effects"
        files = {each.name: each for each in tool.effects.files}
        databases = {each.name: each for each in tool.effects.databases}
        for source in data.sources:
            place = databases.get(source.name) if source.database else files.get(source.name)
            misplaced = files.get(source.name) if source.database else databases.get(source.name)
            if misplaced:
                right = f"databases, kind {source.database}" if source.database else "files"
                yield f"{where}: {source.name!r} is data of the user and belongs into effects.{right}."
            elif place:
                read.add(source.name)
                if place.access != "read":
                    yield f"{where}: {source.name!r} is data of the user, which is read and never changed."
                if source.database and getattr(place, "kind", "") != source.database:
                    yield f"{where}: {source.name!r} is a database of the kind {source.database}."
    if not read:
        names = ", ".join(source.name for source in data.sources)
        yield f"custom_tools: none declares the user's data in its effects; there are {names}."
