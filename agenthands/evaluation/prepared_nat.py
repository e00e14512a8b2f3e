"""An interpreter that has imported NAT and the model's client, whose forks load agents in sandboxes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agenthands.environments.base import Environment
from agenthands.sandbox.base import Preparation

VARIABLES: Mapping[str, str] = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONDONTWRITEBYTECODE": "1"}
"""What every command has that may be a fork of it: litellm fetches nothing when it is imported."""
_PREPARE = Path(__file__).parent / "prepared_script.py"


def prepared_nat(environment: Environment) -> Preparation | None:
    """Return the preparation for agents of an environment, the same one for the load check, acceptance and chats.

    None for an environment that is not the one that ships: what it imports would run outside of sandboxes, and a bundle
    or a plan decides what is in it.
    """
    if not environment.is_nat:
        return None
    return Preparation(f"{_PREPARE.read_text(encoding='utf-8')}\nprepare()\n", VARIABLES)


def code_of(script: Path) -> str:
    """Return the code that runs a script's `main`, which may call `prepare`."""
    return "\n".join(each.read_text(encoding="utf-8") for each in (_PREPARE, script)) + "\nmain()\n"
