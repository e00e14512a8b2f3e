"""Where Prefect keeps the results of tasks: in our store, under the keys of `agenthands.cache_keys`."""

from __future__ import annotations

import hashlib
import threading
from typing import Any, Literal, cast

from prefect.exceptions import ObjectAlreadyExists
from prefect.filesystems import WritableFileSystem
from prefect.serializers import JSONSerializer
from pydantic import PrivateAttr
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from agenthands.masking import has_password, masked_bytes, without_user
from agenthands.ports import Store
from agenthands.settings import Settings, load_settings
from tasks import wiring

_KEPT = ("plans/", "locks/", "servers/", "tools/", "acceptances/", "builds/")
_saved: dict[str, StoreResults] = {}
_saving = threading.Lock()
# Prefect looks for a block's type and schema before it makes them: of two first runs, one is told that they are there.
_FIRST = Retrying(
    retry=retry_if_exception_type(ObjectAlreadyExists),
    stop=stop_after_attempt(5),
    wait=wait_random(0, 0.5),
    reraise=True,
)


class MaskedJson(JSONSerializer[Any]):
    """Prefect's JSON, without keys: what a result quotes from outside is kept for other builds."""

    type: Literal["agenthands-json"] = "agenthands-json"

    def dumps(self, obj: Any) -> bytes:
        """Give the JSON of a result."""
        return masked_bytes(super().dumps(obj))


class StoreResults(WritableFileSystem):
    """Prefect's storage block over our Store port: writes are whole, and repeated while the store is away."""

    _block_type_name = "AgentHands store"
    _block_type_slug = "agenthands-store"
    _logo_url = None
    _store: Store | None = PrivateAttr(None)

    url: str

    def read_path(self, path: str, **_: Any) -> bytes | None:  # type: ignore[override]  # Prefect calls both kinds
        """Give what is kept under a key; None where there is nothing."""
        try:
            return self._opened().get(path)
        except KeyError:
            return None

    async def aread_path(self, path: str, **_: Any) -> bytes | None:
        """Do the same for Prefect's asynchronous side."""
        return self.read_path(path)

    def write_path(self, path: str, content: bytes, **_: Any) -> None:  # type: ignore[override]
        """Keep a result. What has no key of ours, as the exceptions of failed runs, is not kept."""
        if path.startswith(_KEPT):
            self._opened().put(path, content)

    async def awrite_path(self, path: str, content: bytes, **_: Any) -> None:
        """Do the same for Prefect's asynchronous side."""
        self.write_path(path, content)

    def _opened(self) -> Store:
        if self._store is None:
            own = load_settings().store_url  # a password is the worker's; the block is for all to read
            self._store = wiring.store_at(own if has_password(own) and without_user(own) == self.url else self.url)
        return self._store


def results_in(settings: Settings) -> StoreResults:
    """Give the block for the store of these settings; Prefect's server learns of it once. It holds no key."""
    url = without_user(settings.store_url)
    with _saving:
        if url not in _saved:
            name = f"store-{hashlib.sha256(url.encode()).hexdigest()[:16]}"
            try:
                block = cast("StoreResults", StoreResults.load(name))
            except ValueError:
                block = StoreResults(url=url)
                _FIRST(block.save, name, overwrite=True)
            _saved[url] = block
        return _saved[url]
