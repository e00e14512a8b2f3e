"""How a run that failed ends in Prefect: its state is named after the reason, so that no program reads its message."""

from __future__ import annotations

import traceback
from typing import Any

from prefect.logging import get_run_logger
from prefect.states import Failed

from agenthands._util.redaction import redact
from agenthands.errors import AgentHandsError, OwnFault, RunFailed, error_with
from agenthands.reasons import REASONS, with_title


def failed_state(error: AgentHandsError) -> Any:
    """Return what a flow returns that ends with this error; who calls the flow gets the error raised.

    The state's name is the reason's, its message begins with the build's id where a record was published. Only a bug
    of ours leaves a traceback in the run's logs.
    """
    told = f"{error.message} {error.hint}".strip()
    if isinstance(error, OwnFault):
        get_run_logger().error(redact("".join(traceback.format_exception(error))))
    message = f"{error.build_id}: {told}" if error.build_id else told
    return Failed(name=REASONS[error.code].title, message=message, data=error)


def error_of(state: Any, run: str) -> AgentHandsError:
    """Return the error with which a run of another process ended, by the name of its state."""
    message = str(state.message or "")
    if reason := with_title(str(state.name)):
        return error_with(reason.code, message)
    return RunFailed(f"The run {run} ended as {state.name}: {message}", REASONS[RunFailed.code].advice)
