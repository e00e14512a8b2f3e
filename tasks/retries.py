"""Which failures Prefect retries: those that our errors call retryable, and that nobody has retried before."""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.objects import State, TaskRun

from agenthands.errors import AgentHandsError, ModelUnavailable


def if_retryable(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    """Return whether trying again can help; a fault that has no name of ours is a bug and is not retried.

    A model that fails was tried again already, call by call (`adapters/patience.py`).
    """
    try:
        state.result()
    except AgentHandsError as error:
        return error.retryable and not isinstance(error, ModelUnavailable)
    except Exception:
        return False
    return False


# A limit on this tag caps the steps that call models, over all workers (Prefect's tag-based concurrency limits).
CALLS_MODELS: dict[str, Any] = {"tags": ["agenthands-models"]}

RETRY_OUTSIDE: dict[str, Any] = {
    "retries": 2,
    "retry_delay_seconds": [5, 20],
    "retry_jitter_factor": 0.3,
    "retry_condition_fn": if_retryable,
}
