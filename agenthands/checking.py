"""The gate alone, on a workspace that somebody has on disk."""

from __future__ import annotations

import stat
from pathlib import Path

from pydantic import ValidationError

from agenthands.errors import RequestInvalid
from agenthands.gate.judge import judge
from agenthands.json_schemas import schema_fault
from agenthands.models import CustomTool, GateReport
from agenthands.ports import Environments, Sandbox

_MAX_SPEC_BYTES = 1_000_000
_HINT = "A workspace holds spec.json, nat_tools/<name>.py and tests/test_<name>.py."


def check_workspace(folder: Path, environments: Environments, sandbox: Sandbox, seconds: float) -> GateReport:
    """Judge the tool in `folder` against its spec.json. Raises RequestInvalid where there is no usable one."""
    tool = _specification(folder)
    return judge(tool, folder, environments.nat(tool.dependencies), sandbox, seconds)


def _specification(folder: Path) -> CustomTool:
    spec = folder / "spec.json"
    try:
        if not folder.is_dir():
            raise RequestInvalid(f"{str(folder)!r} is no folder.", _HINT)
        if not stat.S_ISREG(spec.stat().st_mode):
            raise RequestInvalid(f"{spec} is no file.", _HINT)
        with spec.open("rb") as file:
            content = file.read(_MAX_SPEC_BYTES + 1)
        if len(content) > _MAX_SPEC_BYTES:
            raise RequestInvalid(f"{spec} is larger than {_MAX_SPEC_BYTES:,} bytes.", _HINT)
        tool = CustomTool.model_validate_json(content)
    except OSError as error:
        raise RequestInvalid(f"{spec} cannot be read: {error.strerror}.", _HINT) from None
    except ValueError as error:
        raise RequestInvalid(f"{spec} is no specification: {_said(error)}.", _HINT) from None
    for schema in (tool.parameters, tool.returns):
        if fault := schema_fault(schema):
            raise RequestInvalid(f"{spec}: parameters and returns must be JSON Schemas: {fault}.", _HINT)
    return tool


def _said(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
