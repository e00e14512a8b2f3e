"""The report of a batch, from its builds to the store."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress

from agenthands._util.redaction import redact_json
from agenthands.errors import AgentHandsError, UserError
from agenthands.events import BatchProgress
from agenthands.reasons import REASONS
from agenthands.reports.html import render_batch
from agenthands.schemas import BatchItem, BatchReport, BuildRecord, BuildRequest
from agenthands.store.base import Store
from agenthands.store.builds import find_build

# Exit codes of records without a reason's code.
_OF_OLD = {"accepted": 0, "rejected": 1, "failed": 3, "cancelled": 130}


def new_batch_id() -> str:
    """Return an id that sorts by time."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"


def item_of(record: BuildRecord) -> BatchItem:
    """Return a build as it stands in the report of its batch."""
    return BatchItem(
        request=record.request,
        status=record.status,
        reason=record.reason,
        reason_code=record.reason_code,
        agent=record.plan.name if record.plan else "",
        build_id=record.build_id,
        exit_code=REASONS[record.reason_code].exit_code if record.reason_code in REASONS else _OF_OLD[record.status],
        cost_usd=record.cost_usd,
        tokens=record.tokens,
        seconds=record.seconds,
    )


def failed_item(request: BuildRequest, error: AgentHandsError, store: Store) -> BatchItem:
    """Return a build that ended with an error; its record in `store` says what it cost.

    Without a record, a user's mistake was found before anything was paid; of all else nobody knows.
    """
    reason = f"{error.message} {error.hint}".strip()
    cost = 0.0 if isinstance(error, UserError) and not error.build_id else None
    item = BatchItem(request=request, status="failed", reason=reason, exit_code=error.exit_code, cost_usd=cost)
    if error.build_id:
        with suppress(AgentHandsError):
            item = item_of(find_build(store, error.build_id))
    told = {"reason": reason, "reason_code": error.code, "exit_code": error.exit_code, "build_id": error.build_id}
    return item.model_copy(update=told)


def progress_of(batch_id: str, number: int, count: int, item: BatchItem) -> BatchProgress:
    """Return what listeners hear of the build with this number, of `count`."""
    return BatchProgress(
        batch_id,
        number=number,
        count=count,
        request=item.request.request,
        status=item.status,
        reason=item.reason,
        built=item.build_id,
        cached=item.cached,
        cost_usd=item.cost_usd,
        seconds=item.seconds,
    )


def publish_batch(report: BatchReport, store: Store) -> None:
    """Write the report, without keys; `batch.json` is written last. Raises StoreNotUsable or StoreUnavailable."""
    folder = f"batches/{report.batch_id}"
    report = BatchReport.model_validate(redact_json(report.model_dump(mode="json")))
    store.put(f"{folder}/report.html", render_batch(report).encode())
    store.put(f"{folder}/batch.json", report.model_dump_json(indent=1).encode())
