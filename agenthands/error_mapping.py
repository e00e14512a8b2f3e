"""What an exception that nobody expected means: Prefect or Redis is away, the disk is full, or we have a bug."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from agenthands.errors import (
    AgentHandsError,
    DiskFull,
    LocksUnavailable,
    OwnFault,
    PrefectBusy,
    PrefectRefuses,
    PrefectUnavailable,
)
from agenthands.reasons import REASONS

_REFUSED = (401, 403, 422)  # for want of a key, or of the same version
_FULL = (errno.ENOSPC, errno.EDQUOT)


def as_agenthands_error(error: Exception) -> AgentHandsError:
    """Return the exception as an error of ours: of the outside where it is that, else a bug.

    Classes, status codes and error numbers decide, those of the exceptions behind it too, and no words.
    """
    if isinstance(error, AgentHandsError):
        return error
    import httpx  # with which Prefect's client asks its server

    said = str(error).splitlines()
    reason = said[0][:300] if said else type(error).__name__
    for link in _chain(error):
        if isinstance(link, httpx.HTTPStatusError):
            if link.response.is_server_error:
                return _known(PrefectBusy, "The Prefect API did not answer in time, however often it was asked", reason)
            if link.response.status_code in _REFUSED:
                return _known(PrefectRefuses, "The Prefect API refuses a request", reason)
            break  # any other request that it does not take is our mistake
        if isinstance(link, httpx.HTTPError):
            url = os.environ.get("PREFECT_API_URL", "its default address")
            return _known(PrefectUnavailable, f"The Prefect API at {url} does not answer", reason)
        if type(link).__module__.startswith("redis."):
            return _known(LocksUnavailable, "The Redis of AGENTHANDS_LOCKS cannot be used", reason)
        if isinstance(link, OSError) and link.errno in _FULL:
            return _known(DiskFull, "The disk is full", reason)
    return _known(OwnFault, f"{REASONS[OwnFault.code].meaning.rstrip('.')}: {type(error).__name__}", reason)


def _known(kind: type[AgentHandsError], what: str, reason: str) -> AgentHandsError:
    return kind(f"{what}: {reason}", REASONS[kind.code].advice)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, and what it was raised from."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__
