"""The MCP servers a plan may use: `server.json` files in a folder, the shipped ones and the user's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from agenthands.errors import SettingsInvalid
from agenthands.mcp.catalogue_server import CatalogueServer
from agenthands.mcp.registry_entry import ENTRY_HINT, server_of

_SHIPPED = Path(__file__).parent / "servers"


def load_catalogue(
    extra: Path | None = None, documents: Mapping[str, object] | None = None
) -> dict[str, CatalogueServer]:
    """Return the shipped servers and the user's, which override them, by id.

    The user's come from the folder `extra`, or from `documents`: entries that were read before, by id. Raises
    SettingsInvalid for a missing folder, and for an invalid entry, which it names.
    """
    if extra is not None and not extra.is_dir():
        raise SettingsInvalid(f"{extra}: no such folder of MCP servers", "Create it, or drop the setting.")
    folders = [_SHIPPED] if extra is None else [_SHIPPED, extra]
    found = {path.stem: _read(path) for folder in folders for path in sorted(folder.glob("*.json"))}
    return found | {name: server_of(name, entry) for name, entry in (documents or {}).items()}


def _read(path: Path) -> CatalogueServer:
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise SettingsInvalid(f"{path}: no usable MCP server entry: it is not JSON: {error}", ENTRY_HINT) from error
    except OSError as error:
        raise SettingsInvalid(f"{path}: cannot be read: {error.strerror}") from error
    server = server_of(path.stem, document, str(path))
    return server.model_copy(update={"shipped": path.parent == _SHIPPED})
