"""How a run that fails ends in Prefect, and for who called it."""

import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from agenthands.error_mapping import as_agenthands_error
from agenthands.errors import KeyMissing
from agenthands.tasks.run_states import failed_state


@pytest.mark.parametrize("error", [KeyMissing("No key.", "Set it."), as_agenthands_error(KeyError("x"))])
def test_a_flow_that_fails_raises_its_error_and_names_its_state(error, prefect_api):
    @flow
    def failing():
        return failed_state(error)

    with temporary_settings({PREFECT_API_URL: prefect_api["PREFECT_API_URL"]}):
        with pytest.raises(type(error)) as raised:
            failing()
        state = failing(return_state=True)
    assert (raised.value.message, raised.value.hint) == (error.message, error.hint)
    assert state.type == "FAILED"
    assert state.name == {"key_missing": "Key missing", "own_fault": "Own fault"}[error.code]
    assert state.message == f"{error.message} {error.hint}"
