"""Heavy imports without garbage collection, which is a fifth of their time: what they make stays for good."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def fast_import(module: str) -> Iterator[None]:
    """Collect no garbage inside, and never look again at what is there at the end.

    Does nothing where `module` was imported before: what a working process has made meanwhile is to be collected.
    Where two threads import at once, the first that ends lets garbage be collected again.
    """
    if module in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
