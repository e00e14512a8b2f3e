"""Tells what went wrong where uv failed: the index, or the packages that were wanted.

uv says why in text alone, for people, and offers no other form (`tests/environments/fixtures/uv.json` holds what it
says). So its exit code decides first: 1 where it found that the packages cannot be had, 2 where it could not find out.
"""

from __future__ import annotations

from agenthands._util.redaction import redact
from agenthands.errors import AgentHandsError, DependencyRefused, RegistryUnavailable
from agenthands.sandbox.base import CommandResult

UV_SECONDS = 1200.0
_CANNOT_BE_HAD = 1
_OUTSIDE = (
    "error sending request",
    "dns error",
    "failed to fetch",
    "timed out",
    "connection",
    "status server error",
)


def uv_fault(wanted: str, result: CommandResult) -> AgentHandsError:
    """Return the error for a failed call of uv; `wanted` is the text of a requirements file, or says what it is."""
    reason = redact(result.stderr.decode(errors="replace")).strip()
    if result.timed_out:
        return RegistryUnavailable(f"The package index did not finish within {UV_SECONDS:.0f} s.")
    if result.exit_code != _CANNOT_BE_HAD and any(sign in reason.lower() for sign in _OUTSIDE):
        return RegistryUnavailable(
            f"The package index does not answer: {reason[-500:]}",
            "Check the network, UV_INDEX_URL and proxies.",
        )
    shown = ", ".join(line for line in wanted.splitlines()[:8] if line and not line.startswith(("#", " ")))
    return DependencyRefused(f"These packages cannot be installed ({shown[:200]}): {reason[-1500:]}")
