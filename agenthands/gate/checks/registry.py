"""All checks of the gate, found in the modules of this folder."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from agenthands.gate import checks
from agenthands.gate.checks.base import GateCheck


def _found() -> Sequence[GateCheck]:
    """Import every module beside this one and return one instance of each check, in order. Names are unique."""
    for module in pkgutil.iter_modules(checks.__path__, f"{checks.__name__}."):
        import_module(module.name)
    found: list[GateCheck] = sorted((each() for each in _below(GateCheck)), key=lambda check: check.order)
    names = [check.name for check in found]
    if len(set(names)) < len(names):
        raise TypeError(f"Two checks of the gate have the same name: {', '.join(names)}.")
    return tuple(found)


def _below(base: Any) -> list[type[GateCheck]]:
    """Return the checks below a class that ship with the gate; a class without a name is a base of others."""
    found = [each for below in base.__subclasses__() for each in (below, *_below(below))]
    return [each for each in found if hasattr(each, "name") and each.__module__.startswith(f"{checks.__name__}.")]


CHECKS: Sequence[GateCheck] = _found()
_BY_NAME = {check.name: check for check in CHECKS}


def find_check(name: str) -> GateCheck | None:
    """Return the check of this name; None where an older or a newer version wrote the report."""
    return _BY_NAME.get(name)
