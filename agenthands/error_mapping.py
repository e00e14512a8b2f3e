"""What an exception that nobody expected means: Prefect or Redis is away, the disk is full, or we have a bug."""

from __future__ import annotations

import builtins
import errno
import os
import re

from agenthands.errors import AgentHandsError, OutsideError, OwnFault

_FULL = (errno.ENOSPC, errno.EDQUOT)
_NO_API = "Failed to reach API"
_REFUSED = re.compile(r"Client error '4(01|03|22)")
_RAISED = re.compile(r"run encountered an exception:? (\w+)")


def as_agenthands_error(error: Exception) -> AgentHandsError:
    """Return the exception as an error of ours: of the outside where it is that, else a bug."""
    if isinstance(error, AgentHandsError):
        return error
    said = str(error).splitlines()
    reason = said[0][:300] if said else type(error).__name__
    if _is_busy(type(error).__name__, str(error)):
        return OutsideError(
            f"The Prefect API did not answer in time, however often it was asked: {reason}",
            "Its database may be too slow for so many builds at once: SQLite has one writer, PostgreSQL many.",
        )
    if _is_refusal(type(error).__name__, str(error)):
        return OutsideError(
            f"The Prefect API refuses a request: {reason}",
            "Its version may be another than that of Prefect here: `prefect version` says both.",
        )
    if _is_of_httpx(type(error).__name__) or reason.startswith(_NO_API):
        return OutsideError(
            f"The Prefect API at {os.environ.get('PREFECT_API_URL', 'its default address')} does not answer: {reason}",
            "Start it, or unset PREFECT_API_URL to use the embedded server.",
        )
    if type(error).__module__.startswith("redis."):
        return OutsideError(
            f"The Redis of AGENTHANDS_LOCKS cannot be used: {reason}",
            "Start it, check the URL, or unset AGENTHANDS_LOCKS.",
        )
    if isinstance(error, OSError) and error.errno in _FULL:
        return OutsideError(f"The disk is full: {reason}", "Make room, or set AGENTHANDS_HOME to another disk.")
    return OwnFault(
        f"This is a bug of AgentHands, not your mistake: {type(error).__name__}: {reason}",
        "Please report it: the command, the traceback, what `agenthands --version` and `agenthands doctor` print.",
    )


def exit_code_of(text: str) -> int:
    """Return the exit code of the error whose class `text` names, as the message of a failed run does; 3 for others.

    A class of Python's own, or of a library that is not Prefect's way to its server, is a bug.
    """
    waiting = [AgentHandsError]
    while waiting:
        kind = waiting.pop()
        if f"{kind.__name__}:" in text:
            return kind.exit_code
        waiting += kind.__subclasses__()
    raised = _RAISED.search(text)
    if raised is None or _NO_API in text or _is_busy(raised[1], text) or _is_refusal(raised[1], text):
        return AgentHandsError.exit_code
    if _is_of_httpx(raised[1]) or _is_of_the_machine(raised[1]):
        return AgentHandsError.exit_code
    return OwnFault.exit_code


def _is_busy(name: str, text: str) -> bool:
    """Return whether Prefect's client has given up a server that answers with 5xx."""
    return name == "PrefectHTTPStatusError" and "Server error '5" in text


def _is_refusal(name: str, text: str) -> bool:
    """Return whether a Prefect server does not take a request as it is, for want of a key or of the same version."""
    return name == "PrefectHTTPStatusError" and bool(_REFUSED.search(text))


def _is_of_httpx(name: str) -> bool:
    """Return whether an exception's class is one of httpx, with which Prefect's client asks its server."""
    import httpx

    kind = getattr(httpx, name, None)
    return isinstance(kind, type) and issubclass(kind, Exception)


def _is_of_the_machine(name: str) -> bool:
    kind = getattr(builtins, name, None)
    return isinstance(kind, type) and issubclass(kind, OSError)
