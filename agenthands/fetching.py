"""Unpacks the bundle of a build for its user."""

from __future__ import annotations

import io
import tarfile
import tempfile
from pathlib import Path

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
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
            with tarfile.open(fileobj=io.BytesIO(bundle), mode="r:gz") as archive:
                archive.extractall(scratch, filter="data")
            (top,) = Path(scratch).iterdir()
            top.replace(folder)
    except OSError as error:
        raise RequestInvalid(
            f"{str(folder)!r} cannot be written: {error.strerror}.", "Choose another folder."
        ) from None
    except (tarfile.TarError, ValueError) as error:
        raise StoreNotUsable(f"The bundle of {name} cannot be unpacked: {error}", "Build the agent again.") from None
