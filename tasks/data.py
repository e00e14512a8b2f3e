"""Reads the user's data for a build, once, and says what of them a model is told."""

from __future__ import annotations

from agenthands._util.formatting import count
from agenthands.data.profile import read_data
from agenthands.events import Notice, emit
from agenthands.planning.user_data import in_bounds
from agenthands.schemas import BuildOptions
from agenthands.schemas.data_profile import UserData
from agenthands.store.workdirs import DATA, BuildContext
from agenthands.tasks import dependencies


def data_for(options: BuildOptions) -> UserData | None:
    """Return the profile of the data of these options; None if they name none. Raises RequestInvalid."""
    paths = options.data
    if not paths:
        return None
    settings = dependencies.settings_for(options)
    return in_bounds(lambda rows: read_data(paths, rows), settings.data_rows)


def data_of(build: BuildContext) -> UserData | None:
    """Return the data of a build as they were when it first asked: they may change meanwhile. Raises RequestInvalid."""
    if not build.request.data:
        return None
    kept = build.folder / DATA
    if kept.is_file():
        return UserData.model_validate_json(kept.read_text(encoding="utf-8"))
    data = data_for(build.request.options())
    assert data
    kept.write_text(data.model_dump_json(), encoding="utf-8")
    return data


def tell_data(build: BuildContext) -> None:
    """Say, before a model is asked, what of the user's data it will be told."""
    if data := data_of(build):
        emit(Notice(build.build_id, told_in_short(data)))


def told_in_short(data: UserData) -> str:
    """Return in a few sentences what of the data leaves this machine."""
    names = ", ".join(source.name for source in data.sources)
    if not data.rows:
        return f"Of the data ({names}), the models are told the schema alone, and no value."
    masked = [count(number, kind) for kind, number in data.masked.items()]
    hidden = f" Masked: {', '.join(masked)}." if masked else ""
    rows = f"the schema, ranges, and up to {count(data.rows, 'row')} of each table"
    return f"Of the data ({names}), the models are told {rows}.{hidden} `agenthands plan --show-data` prints all of it."
