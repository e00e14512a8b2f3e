"""What runs inside the gate's sandbox, with the NAT environment's Python.

The pieces are sent as one text, in the order of `PIECES`, because no file of them may be readable there. So a piece
imports from an earlier one in one line, which is left out of that text, and from nothing else of ours.
"""

import marshal
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

PIECES = (
    "warmup",
    "forks",
    "scheduler",
    "conditions",
    "listening",
    "worlds",
    "pytest_run",
    "jobs",
    "audit",
    "surroundings",
    "state",
    "calls",
    "main",
)
_WORLDS = Path(__file__).parents[2] / "world" / "inside" / "agenthands_world.py"
_OF_OURS = re.compile(r"^from agenthands\..*\n", re.MULTILINE)


@cache
def harness_code() -> bytes:
    """Return the harness, compiled, as `marshal.loads` takes it in an interpreter of this one's version."""
    source = f"{_WORLDS.read_text(encoding='utf-8')}\n{_joined(*PIECES)}"
    return marshal.dumps(compile(source, "<gate>", "exec"))


def preparation_source(packages: Mapping[str, str], path: Sequence[str]) -> str:
    """Return a Python text that prepares an interpreter for any tool, with what `prepare` takes."""
    return f"{_joined('warmup')}\nprepare({dict(packages)!r}, {list(path)!r})\n"


@cache
def _joined(*pieces: str) -> str:
    folder = Path(__file__).parent
    lazy_imports = folder.parents[1] / "sandbox" / "preload" / "agenthands_lazy_imports.py"
    files = [lazy_imports, *(folder / f"{piece}.py" for piece in pieces)]
    return "\n".join(_OF_OURS.sub("", file.read_text(encoding="utf-8")) for file in files)
