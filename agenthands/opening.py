"""Opens the report of a build in the browser of whoever asks."""

from __future__ import annotations

import tempfile
import webbrowser
from pathlib import Path

from agenthands.models import BuildRecord
from agenthands.ports import Store
from agenthands.publishing import build_prefix, report_of


def open_report(store: Store, record: BuildRecord) -> tuple[Path, bool]:
    """Open the report where it lies, or a copy where the store is not a folder of this machine.

    Gives its file, and whether there was a browser. Raises StoreNotUsable where there is no report or it is damaged.
    """
    content = report_of(store, record)
    file = Path(store.url) / build_prefix(record) / "report.html"
    if "://" in store.url or not file.is_file():
        # The browser reads it after this process has ended, so nothing here removes it.
        file = Path(tempfile.mkdtemp(prefix="agenthands-")) / f"{record.build_id}.html"
        file.write_bytes(content)
    return file, webbrowser.open(file.as_uri())
