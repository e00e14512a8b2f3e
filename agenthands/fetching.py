"""Unpacks the bundle of a build for its user."""

from __future__ import annotations

from pathlib import Path

from agenthands.bundling import unpack
from agenthands.errors import RequestInvalid, StoreNotUsable
from agenthands.ports import Store
from agenthands.publishing import bundle_of, find_build


def fetch_bundle(store: Store, name: str, folder: Path) -> None:
    """Unpack the agent of the build `name` into `folder`, which must be new or empty; whole or not at all.

    Raises RequestInvalid for the folder, StoreNotUsable for the build.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RequestInvalid(f"{str(folder)!r} is not an empty folder.", "Choose a new folder.")
    bundle = bundle_of(store, find_build(store, name))
    try:
        unpack(bundle, folder)
    except OSError as error:
        raise RequestInvalid(
            f"{str(folder)!r} cannot be written: {error.strerror}.", "Choose another folder."
        ) from None
    except ValueError as error:
        raise StoreNotUsable(f"The bundle of {name} cannot be unpacked: {error}", "Build the agent again.") from None
