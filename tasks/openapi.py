"""The descriptions of APIs that a build was given: read once, and the same for all of its steps."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence

from agenthands._util.atomic_files import write_atomic
from agenthands.environments.nat_registry import NatRegistry
from agenthands.openapi.catalogue import ApiCatalogue
from agenthands.openapi.reading import Source, read_source
from agenthands.store.workdirs import BuildContext

_FILE = "openapi.json"
_KEPT = 4  # catalogues of the builds that this process works on; a large one takes 100 MB
_catalogues: dict[str, ApiCatalogue] = {}
_lock = threading.Lock()


def read_descriptions(build: BuildContext) -> None:
    """Read what the request names, and keep it in the build's folder. Raises RequestInvalid where it cannot be used."""
    wanted = build.request.openapi or []
    sources = [read_source(each) for each in wanted]
    if sources:
        ApiCatalogue(sources).require_usable()
        write_atomic(build.folder / _FILE, json.dumps([source._asdict() for source in sources]))


def descriptions_of(build: BuildContext) -> Sequence[Source]:
    """Return the descriptions that the build was given; empty where there are none."""
    try:
        return [Source(**each) for each in json.loads((build.folder / _FILE).read_bytes())]
    except FileNotFoundError:
        return []


def apis_of(build: BuildContext, registry: NatRegistry) -> ApiCatalogue:
    """Return the operations of the described APIs, under names that NAT does not use itself."""
    with _lock:
        if build.build_id not in _catalogues:
            while len(_catalogues) >= _KEPT:
                _catalogues.pop(next(iter(_catalogues)))
            taken = {*registry.builtins, *registry.scaffolds}
            _catalogues[build.build_id] = ApiCatalogue(descriptions_of(build), taken)
        return _catalogues[build.build_id]
