"""The gate alone, on a workspace that somebody has on disk."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from agenthands.errors import RequestInvalid
from agenthands.gate.judge import judge
from agenthands.models import CustomTool, GateReport
from agenthands.ports import Environments, Sandbox

_MAX_SPEC_BYTES = 1_000_000
_HINT = "A workspace holds spec.json, nat_tools/<name>.py and tests/test_<name>.py."


def check_workspace(folder: Path, environments: Environments, sandbox: Sandbox, seconds: float) -> GateReport:
    """Judge the tool in `folder` against its spec.json. Raises RequestInvalid where there is no usable one."""
    spec = folder / "spec.json"
    try:
        if not folder.is_dir():
            raise RequestInvalid(f"{str(folder)!r} is no folder.", _HINT)
        if spec.stat().st_size > _MAX_SPEC_BYTES:
            raise RequestInvalid(f"{spec} is larger than {_MAX_SPEC_BYTES:,} bytes.", _HINT)
        tool = CustomTool.model_validate_json(spec.read_bytes())
    except OSError as error:
        raise RequestInvalid(f"{spec} cannot be read: {error.strerror}.", _HINT) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RequestInvalid(f"{spec} is no specification: {where}: {first['msg']}.", _HINT) from None
    return judge(tool, folder, environments.nat(tool.dependencies), sandbox, seconds)
