"""The daily budget, kept in Prefect so that all workers of a server share it.

A Prefect variable holds the amount in US dollars. Each day (UTC) has its own global concurrency limit, whose occupied
slots are the spending: the server adds and compares in one statement. A slot is a thousandth of a cent.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import (
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
    VariableCreate,
    VariableUpdate,
)
from prefect.client.schemas.responses import GlobalConcurrencyLimitResponse
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import get_current_settings

from agenthands.errors import OutsideError

VARIABLE = "agenthands_day_budget"
_PREFIX = "agenthands-spent-"
_SLOTS_OF_A_DOLLAR = 100_000  # the server counts in 32 bits: enough for 20,000 dollars
_DAYS_KEPT = 30
_TRIES = 100
_PAUSE = 0.1
_FULL = (httpx.codes.LOCKED, httpx.codes.UNPROCESSABLE_ENTITY)


class PrefectDayBudget:
    """The DayBudget of a Prefect server."""

    def left(self) -> bool:
        """Return whether any money is left today. Raises OutsideError if Prefect's API does not answer."""
        with _client() as client:
            today = _today(client)
            return today is None or _room(today) > 0

    def charge(self, usd: float) -> None:
        """Deduct a sum in US dollars, at most what is left. Raises as `left` does.

        A charge is never dropped: OutsideError is raised too if other workers were faster each time.
        """
        owed = math.ceil(usd * _SLOTS_OF_A_DOLLAR)
        with _client() as client:
            for _ in range(_TRIES):  # another worker may occupy slots between the reading and the charge
                today = _today(client)
                slots = min(owed, _room(today)) if today else 0
                if today is None or slots <= 0 or _occupy(client, today.name, slots):
                    return
                time.sleep(random.uniform(0, _PAUSE))
        raise OutsideError(f"${usd:.5f} could not be paid from the budget of the day: Prefect refused {_TRIES} times.")


def open_day_budget() -> PrefectDayBudget | None:
    """Return the daily budget of the Prefect server in use; None if `deployments/bootstrap` has set none."""
    if not get_current_settings().api.url:
        return None
    with _client() as client:
        return PrefectDayBudget() if _budget(client) is not None else None


def set_day_budget(client: SyncPrefectClient, usd: float) -> None:
    """Create or change the daily budget in US dollars; today's spending still counts."""
    if client.read_variable_by_name(VARIABLE) is None:
        client.create_variable(VariableCreate(name=VARIABLE, value=usd))
    else:
        client.update_variable(VariableUpdate(name=VARIABLE, value=usd))


@contextmanager
def _client() -> Iterator[SyncPrefectClient]:
    """Yield a client of Prefect's API; its errors become OutsideError."""
    try:
        with get_client(sync_client=True) as client:
            yield client
    except (httpx.HTTPError, RuntimeError) as error:
        raise OutsideError(f"The budget of the day cannot be read from Prefect: {error}") from error


def _budget(client: SyncPrefectClient) -> int | None:
    variable = client.read_variable_by_name(VARIABLE)
    if variable is None:
        return None
    try:
        return round(float(str(variable.value)) * _SLOTS_OF_A_DOLLAR)
    except ValueError:
        raise OutsideError(
            f"Prefect's variable {VARIABLE} is no number: {variable.value!r}.",
            "Set it to US dollars for a day, or delete it for no budget.",
        ) from None


def _today(client: SyncPrefectClient) -> GlobalConcurrencyLimitResponse | None:
    """Return today's limit, updated from the variable; None if the variable has been deleted."""
    slots = _budget(client)
    if slots is None:
        return None
    name = _name(time.time())
    try:
        today = client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        with suppress(ObjectAlreadyExists):
            client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=slots))
        _forget_old_days(client)
        today = client.read_global_concurrency_limit_by_name(name)
    if today.limit != slots:
        client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(limit=slots))
        today = today.model_copy(update={"limit": slots})
    return today


def _room(today: GlobalConcurrencyLimitResponse) -> int:
    return today.limit - today.active_slots


def _forget_old_days(client: SyncPrefectClient) -> None:
    oldest = _name(time.time() - _DAYS_KEPT * 86_400)
    for each in client.read_global_concurrency_limits(limit=200, offset=0):
        if each.name.startswith(_PREFIX) and each.name < oldest:
            with suppress(ObjectNotFound):
                client.delete_global_concurrency_limit_by_name(each.name)


def _name(moment: float) -> str:
    return _PREFIX + time.strftime("%Y-%m-%d", time.gmtime(moment))


def _occupy(client: SyncPrefectClient, name: str, slots: int) -> bool:
    try:
        client.increment_concurrency_slots([name], slots, "concurrency")
    except httpx.HTTPStatusError as error:
        if error.response.status_code in _FULL:
            return False
        raise
    return True
