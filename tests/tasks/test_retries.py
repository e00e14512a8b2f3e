"""Prefect retries what our errors call retryable, and nothing else."""

import asyncio

import pytest
from prefect.states import exception_to_failed_state

from agenthands.errors import ModelNotUsable, ModelUnavailable, PlanRefused, RegistryUnavailable, StoreUnavailable
from agenthands.tasks.retries import if_retryable


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ModelUnavailable("busy, after all tries of the adapter"), False),
        (RegistryUnavailable("down"), True),
        (StoreUnavailable("down"), True),
        (ModelNotUsable("no key"), False),
        (PlanRefused("nonsense"), False),
        (ValueError("a bug"), False),
    ],
)
def test_only_what_can_help_is_tried_again(error, again):
    assert if_retryable(None, None, asyncio.run(exception_to_failed_state(error))) is again
