"""OpenHands' files of a conversation, without keys: a provider's error may quote one, the endpoint's URL hold one."""

from __future__ import annotations

from openhands.sdk.io import LocalFileStore

from agenthands.masking import masked_bytes, masked_file


class MaskedFiles(LocalFileStore):
    """Persists events and state as the SDK does, masked."""

    def write(self, path: str, contents: str | bytes) -> None:
        """Write a file without keys."""
        super().write(path, masked_file(contents) if isinstance(contents, str) else masked_bytes(contents))
