"""Reads what stands on the command line or in a request file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from agenthands.errors import RequestInvalid
from agenthands.models import BuildRequest

_SUFFIXES = (".yaml", ".yml")
_MAX_FILE_BYTES = 1_000_000


def read_request(text_or_file: str, options: dict[str, Any]) -> BuildRequest:
    """Give the request with its options; options of the command line win over those of a file.

    Raises RequestInvalid where a file cannot be read or does not fit.
    """
    if not (text_or_file.endswith(_SUFFIXES) and "\n" not in text_or_file and len(text_or_file) < 4096):
        return _validated({"request": text_or_file, **options}, "The options")
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
    return _validated({**values, **options}, f"The request file {str(path)!r}")


def _validated(values: dict[str, Any], where: str) -> BuildRequest:
    try:
        return BuildRequest(**values)
    except (ValidationError, TypeError) as error:
        if isinstance(error, TypeError):
            raise RequestInvalid(f"{where}: keys must be text.") from None
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(map(str, first["loc"]))
        known = ", ".join(BuildRequest.model_fields)
        raise RequestInvalid(f"{where}: {name}: {first['msg']}.", f"Known keys: {known}.") from None
