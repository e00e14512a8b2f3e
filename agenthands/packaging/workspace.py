"""Makes of a tool in a fetched agent the workspace that the gate judges, so that it can be checked after an edit."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agenthands.errors import RequestInvalid
from agenthands.gate.checks.files import tests_path, tool_path
from agenthands.packaging.nat_config import package_name
from agenthands.schemas import Plan

_MOST_BYTES = 16 * 1024**2


def is_fetched(folder: Path) -> bool:
    """Return whether a folder holds a fetched agent, not the workspace of one tool."""
    return (folder / "build.json").is_file() and not (folder / "spec.json").exists()


def tools_of(folder: Path) -> list[str]:
    """Return the names of the tools that were written for a fetched agent. Raises RequestInvalid."""
    return [tool.name for tool in _plan(folder).custom_tools]


def tool_workspace(folder: Path, tool: str, target: Path) -> Path:
    """Lay out a tool of a fetched agent in `target` as the gate wants it, and return that; raises RequestInvalid.

    Its specification is that of the agent's plan, sources and tests are as they lie in the folder.
    """
    plan = _plan(folder)
    spec = next((each for each in plan.custom_tools if each.name == tool), None)
    if spec is None:
        known = ", ".join(each.name for each in plan.custom_tools) or "none"
        raise RequestInvalid(f"The agent in {folder} has no tool {tool!r}.", f"There are: {known}.")
    package = package_name(plan)
    texts = {
        tool_path(tool): _text(folder / "src" / package / "tools" / f"{tool}.py"),
        tests_path(tool): re.sub(rf"\b{package}\.tools\b", "nat_tools", _text(folder / "tests" / f"test_{tool}.py")),
        "spec.json": spec.model_dump_json(indent=1),
    }
    for name, text in texts.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return target


def _plan(folder: Path) -> Plan:
    try:
        made_from: Any = json.loads(_text(folder / "build.json"))
        return Plan.model_validate(made_from["plan"])
    except (ValueError, LookupError, TypeError, ValidationError):
        raise RequestInvalid(f"{folder / 'build.json'} is not that of an agent.", "Fetch the agent anew.") from None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise RequestInvalid(f"{path} is larger than {_MOST_BYTES:,} bytes.")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RequestInvalid(f"{path} cannot be read: {error.strerror}.", "Fetch the agent anew.") from None
    except UnicodeDecodeError:
        raise RequestInvalid(f"{path} is not text in UTF-8.") from None
