"""Reads requests from the command line, a request file, or a batch file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from agenthands.errors import RequestInvalid
from agenthands.planning.planner import checked_request
from agenthands.schemas import BuildOptions, BuildRecord, BuildRequest
from agenthands.schemas.request import MAX_BATCH_BYTES, options_as_built, read_requests, validated_request
from agenthands.settings import load_settings
from agenthands.store.base import Store
from agenthands.store.builds import find_build
from agenthands.store.fsspec_store import FsspecStore

_SUFFIXES = (".yaml", ".yml")
_MAX_FILE_BYTES = 1_000_000


def read_request(text_or_file: str, options: dict[str, Any]) -> BuildRequest:
    """Return the request in a sentence or a YAML file; `options` of the command line override those of the file.

    Raises RequestInvalid if the file cannot be read or is invalid.
    """
    if not (text_or_file.endswith(_SUFFIXES) and "\n" not in text_or_file and len(text_or_file) < 4096):
        return validated_request({"request": text_or_file, **options}, "The options")
    path = Path(text_or_file)
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise RequestInvalid(f"{path} is larger than {_MAX_FILE_BYTES:,} bytes; a request is a few sentences.")
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestInvalid(
            f"The request file {str(path)!r} cannot be read: {error.strerror}.",
            'Pass a sentence in quotes, or a YAML file with the key "request".',
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        first = " ".join(str(error).split())[:300]
        raise RequestInvalid(f"The request file {str(path)!r} is not YAML: {first}") from None
    if not isinstance(values, dict):
        raise RequestInvalid(f"The request file {str(path)!r} must be a mapping.", 'Begin it with "request: ...".')
    return validated_request({**values, **options}, f"The request file {str(path)!r}")


def read_revision(
    agent: str, change: str, feedback: bool, options: Mapping[str, Any]
) -> tuple[BuildRecord, BuildRequest]:
    """Return the build that is revised, by its id or its agent's name, and the request of its revision.

    What the options leave out is as the build was asked for. Raises RequestInvalid where nothing is wished,
    StoreNotUsable where there is no such agent.
    """
    given = validated_request({"request": "A revision", **options}, "The options").options()
    if not change.strip() and not feedback:
        raise RequestInvalid(
            "Nothing is to be changed.", f'Say what: agenthands revise {agent} "CHANGE", or --feedback to answer that.'
        )
    if change.strip():
        checked_request(change)
    parent = find_build(FsspecStore(load_settings(given).store_url), agent)
    asked = options_as_built(parent.request, given).model_dump()
    return parent, BuildRequest(**asked, request=parent.request.request)


def read_batch(source: str, options: BuildOptions, store: Store) -> list[BuildRequest]:
    """Return the requests of a batch from a file, or from the store if there is no such file.

    Raises RequestInvalid if there is neither, or if the batch is invalid.
    """
    path = Path(source)
    try:
        content = path.read_bytes() if path.is_file() else store.get(source)
        if len(content) > MAX_BATCH_BYTES:
            raise RequestInvalid(f"{source} is larger than {MAX_BATCH_BYTES:,} bytes.", "Split it.")
        text = content.decode("utf-8")
    except (OSError, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"neither a file nor a key of {store.url}"
        raise RequestInvalid(
            f"The batch {source!r} cannot be read: {reason}.", "Pass a YAML list or a .jsonl file of requests."
        ) from None
    except UnicodeDecodeError:
        raise RequestInvalid(f"The batch {source!r} is not text in UTF-8.") from None
    return read_requests(text, source, options.model_dump(exclude_none=True, exclude_defaults=True))
