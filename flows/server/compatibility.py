"""Whether the user's Prefect server takes this client's requests; asked once, when a run begins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from agenthands._util.redaction import without_user
from agenthands.errors import AgentHandsError, OutsideError, SettingsInvalid

if TYPE_CHECKING:
    from prefect.exceptions import PrefectHTTPStatusError

_REFUSED = (401, 403)
_NOT_TAKEN = (400, 404, 405, 422)  # what Prefect's client does not expect itself
_TO_EMBEDDED = "unset PREFECT_API_URL (or switch Prefect's profile) to do without it"
_served = ""  # the version of the server that was checked


def check_server() -> None:
    """Ask the server for its version, as Prefect's client does, with the user's key.

    Raises SettingsInvalid where it refuses the key or is of another major version, and OutsideError where it answers
    otherwise than Prefect does. Where it does not answer at all, Prefect's client says so.
    """
    global _served
    from prefect.client.base import ServerType
    from prefect.client.orchestration import get_client

    with refusals_explained(), get_client(sync_client=True) as client:
        if client.server_type == ServerType.CLOUD:  # is always compatible, and has no such page
            return
        url = without_user(str(client.api_url)).rstrip("/")
        try:
            _served = str(client.api_version())
        except ValueError:
            raise OutsideError(
                f"What answers at {url} is no Prefect API.",
                f"PREFECT_API_URL ends with /api, as in http://127.0.0.1:4200/api; or {_TO_EMBEDDED}.",
            ) from None
    if _served.partition(".")[0] != version("prefect").partition(".")[0]:
        raise SettingsInvalid(
            f"The Prefect server at {url} is of version {_served}, and Prefect here of version {version('prefect')}: "
            "their major versions must be the same.",
            f"Use a server of version {version('prefect')}, or {_TO_EMBEDDED}.",
        )


@contextmanager
def refusals_explained() -> Iterator[None]:
    """Raise as an error of ours what Prefect's client raises where the server refuses a request."""
    from prefect.exceptions import PrefectHTTPStatusError

    try:
        yield
    except PrefectHTTPStatusError as error:
        if error.response.status_code not in (*_REFUSED, *_NOT_TAKEN):
            raise
        raise _refused(error) from error


def _refused(error: PrefectHTTPStatusError) -> AgentHandsError:
    answer, request = error.response, error.request
    said = f"{answer.status_code} {answer.reason_phrase}".strip()
    where = f"The Prefect server at {without_user(f'{request.url.scheme}://{request.url.netloc.decode()}')}"
    if answer.status_code in _REFUSED:
        return SettingsInvalid(
            f"{where} refuses to work for you: {said}.",
            "Set PREFECT_API_AUTH_STRING to what the server was started with (for Prefect Cloud, PREFECT_API_KEY), "
            f"or {_TO_EMBEDDED}.",
        )
    return OutsideError(
        f"{where}, of version {_served or 'unknown'}, does not take a request of Prefect {version('prefect')}, which "
        f"is here: {said} for {request.method} {request.url.path}: {answer.text[:300]}",
        f"Use a server of version {version('prefect')}, or {_TO_EMBEDDED}.",
    )
