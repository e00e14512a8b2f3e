"""Decides which failures Prefect retries: retryable errors of ours that have not been retried before."""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.objects import State, TaskRun

from agenthands.errors import AgentHandsError, ModelUnavailable


def if_retryable(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    """Return whether a retry can help; an exception that is not ours is a bug and is not retried.

    ModelUnavailable is not retried either, because each call already was (`agenthands/llm/retry.py`).
    """
    try:
        state.result()
    except AgentHandsError as error:
        return error.retryable and not isinstance(error, ModelUnavailable)
    except Exception:
        return False
    return False


# A limit on this tag caps the concurrent steps that call models, over all workers (Prefect's tag-based limits).
CALLS_MODELS: dict[str, Any] = {"tags": ["agenthands-models"]}

RETRY_OUTSIDE: dict[str, Any] = {
    "retries": 2,
    "retry_delay_seconds": [5, 20],
    "retry_jitter_factor": 0.3,
    "retry_condition_fn": if_retryable,
}
